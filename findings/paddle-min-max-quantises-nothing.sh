#!/bin/sh
# paddlepaddle 3.3.1: PostTrainingQuantization of a small perceptron with each of its calibration algorithms.
# One would expect algo="min_max", documented as "get the min and max value for quantized activations and weights", to quantise what
# the others do, or to be refused.
# Seen: quantize() ends as a success and the saved program is the float one: not one quantiser, the weights unrounded, the outputs
# equal to the last bit. Each other algorithm puts five quantisers in and rounds the weights to int8.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in paddlepaddle==3.3.1 setuptools==80.9.0; do # one by one: a pinned package keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1 FLAGS_enable_pir_api=0
cat > "$work/calibrated.py" <<'PY'
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import paddle
from paddle import nn
from paddle.static.quantization import PostTrainingQuantization

work = Path(sys.argv[1])
samples = np.random.default_rng(1).normal(0, 1, (16, 1, 16)).astype(np.float32)


def loaded(folder):
    """Operators of a saved program, the type of its first weights, and its outputs."""
    executor = paddle.static.Executor(paddle.CPUPlace())
    with paddle.static.scope_guard(paddle.static.Scope()):
        program, feeds, fetches = paddle.static.load_inference_model(str(work / folder / "m"), executor)
        outputs = [executor.run(program, feed={feeds[0]: x}, fetch_list=fetches)[0] for x in samples]
        weights = np.array(paddle.static.global_scope().find_var("linear_0.w_0").get_tensor())
        return Counter(o.type for o in program.global_block().ops), weights.dtype, np.concatenate(outputs)


paddle.seed(3)
network = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 10))
network.eval()
paddle.jit.save(network, str(work / "float" / "m"), input_spec=[paddle.static.InputSpec([1, 16], "float32", "x")])
paddle.enable_static()
_, _, wanted = loaded("float")
print(f"paddlepaddle {paddle.__version__}")
for algorithm in ("abs_max", "avg", "hist", "KL", "mse", "min_max"):
    executor = paddle.static.Executor(paddle.CPUPlace())
    with paddle.static.scope_guard(paddle.static.Scope()):
        quantisation = PostTrainingQuantization(
            executor=executor, model_dir=str(work / "float"), model_filename="m.pdmodel", params_filename="m.pdiparams",
            data_loader=lambda: iter([{"x": x} for x in samples]), batch_size=1, batch_nums=16,
            algo=algorithm, onnx_format=True,
        )
        quantisation.quantize()
        quantisation.save_quantized_model(str(work / algorithm), model_filename="m.pdmodel", params_filename="m.pdiparams")
    operators, dtype, outputs = loaded(algorithm)
    off = float(np.abs(outputs - wanted).max())
    print(f"{algorithm}: {operators['quantize_linear']} quantisers, weights {dtype}, outputs off by {off:.4f}")
    if algorithm == "min_max":
        assert operators["quantize_linear"] == 0 and dtype == np.float32 and off == 0
    else:
        assert operators["quantize_linear"] == 5 and dtype == np.int8 and off > 0
PY
"$work/venv/bin/python" "$work/calibrated.py" "$work" 2>/dev/null
