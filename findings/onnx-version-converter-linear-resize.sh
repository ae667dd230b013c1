#!/bin/sh
# onnx 1.22.0 (version_converter), onnxruntime 1.32.0: files of opset 9 and 10 brought to 13, 18 and 21.
# One would expect the same outputs from a newer version of the same file, or a refusal.
# Seen: Upsample (9) and Resize (10) in linear mode become a Resize without coordinate mode. It was asymmetric then and is
# half_pixel since 11: nearly every value of a decoder's map changes. Nearest ones keep theirs. Hardmax, which took all axes
# behind its own together up to 11, is left as it is, where Softmax and LogSoftmax are wrapped for just that.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.32.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import numpy as np
import onnxruntime
from onnx import checker, helper, numpy_helper, version_converter

SCALES = np.array([1, 1, 2, 2], np.float32)
x = np.random.default_rng(0).integers(-8, 8, (1, 3, 6, 6)).astype(np.float32)


def outputs(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"x": x})[0]


def changed(operator, opset, shape, to, **attributes):
    """How many outputs another version of the file has differently."""
    names, tensors = ["x"], []
    if operator in ("Upsample", "Resize"):
        names, tensors = ["x", "scales"], [numpy_helper.from_array(SCALES, "scales")]
    ends = [helper.make_tensor_value_info(n, 1, s) for n, s in (("x", x.shape), ("y", shape))]
    graph = helper.make_graph([helper.make_node(operator, names, ["y"], **attributes)], "one", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(model, full_check=True)
    newer = version_converter.convert_version(model, to)
    checker.check_model(newer, full_check=True)
    return int(np.count_nonzero(outputs(model) != outputs(newer)))


large = (1, 3, 12, 12)
for to in (13, 18, 21):
    seen = {
        "Upsample 9 linear": changed("Upsample", 9, large, to, mode="linear"),
        "Resize 10 linear": changed("Resize", 10, large, to, mode="linear"),
        "Upsample 9 nearest": changed("Upsample", 9, large, to, mode="nearest"),
        "Resize 10 nearest": changed("Resize", 10, large, to, mode="nearest"),
        "Hardmax 11": changed("Hardmax", 11, x.shape, to),
    }
    print(f"to opset {to}:", seen)
    assert seen["Upsample 9 linear"] > 300 and seen["Resize 10 linear"] > 300 and seen["Hardmax 11"] > 0
    assert seen["Upsample 9 nearest"] == seen["Resize 10 nearest"] == 0
PY
