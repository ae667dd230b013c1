#!/bin/sh
# ai-edge-quantizer 0.10.0, ai-edge-litert 2.3.0: Quantizer.calibrate with the recipe static_wi8_ai8, on samples of unequal range.
# One would expect a range that holds what the calibration saw, as "min/max collection" says, whatever the order of the samples.
# Seen: the ranges are moving averages that start with the first sample and give each further one a weight of 0.05, in both modes
# of calibration: of samples that reach 1 and 100, the range is 5.95 in one order and 95.05 in the other, and the very sample that
# it was calibrated with saturates at 6.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in ai-edge-quantizer==0.10.0 ai-edge-litert==2.3.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$work/venv/bin/python" -W ignore - 2>/dev/null <<'PY'
import contextlib
import io
from importlib.metadata import version

import flatbuffers
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import calibrator, quantizer
from one_operator import file_of, litert, schema, tensor

identity = np.eye(2, dtype=np.float32)
plain = file_of(
    "FULLY_CONNECTED", [tensor([1, 2], "float32"), tensor([2, 2], "float32", data=identity)], tensor([1, 2], "float32"),
    options="FullyConnectedOptions",
)  # fmt: skip
model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(plain, 0))
signature = schema.SignatureDefT()
signature.signatureKey, signature.subgraphIndex = "serving_default", 0
for key, name, index in (("inputs", "x", 0), ("outputs", "y", 2)):
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    setattr(signature, key, [entry])
model.signatureDefs = [signature]
builder = flatbuffers.Builder(1024)
builder.Finish(model.Pack(builder), b"TFL3")
file = bytes(builder.Output())

print("ai-edge-quantizer", version("ai-edge-quantizer"))
small, large = ({"x": np.array([[reach, -reach]], np.float32)} for reach in (1, 100))
modes = calibrator.CalibrationMode
for mode in (modes.CALIBRATION_PRESERVE_ALL_TENSORS, modes.CALIBRATION_PROFILER_BASED):
    for name, samples, reach in (("1, 100", [small, large], 5.95), ("100, 1", [large, small], 95.05)):
        work = quantizer.Quantizer(file)
        work.load_quantization_recipe("static_wi8_ai8")
        with contextlib.redirect_stdout(io.StringIO()):
            statistics = work.calibrate({"serving_default": samples}, mode=mode)
            quantised = bytes(work.quantize(calibration_result=statistics).quantized_model)
        interpreter = Interpreter(model_content=quantised)
        interpreter.allocate_tensors()
        (given,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
        (scale, zero), (out_scale, out_zero) = given["quantization"], answer["quantization"]
        q = np.clip(np.rint(large["x"] / scale) + zero, -128, 127).astype(np.int8)
        y = (litert(quantised, [q], "default").astype(float) - out_zero) * out_scale
        print(f"{mode.name}, samples that reach {name}: range {255 * scale / 2:.2f}, 100 becomes {y.max():.2f}")
        assert abs(255 * scale / 2 - reach) < 0.01 and abs(y.max() - reach) < scale
PY
