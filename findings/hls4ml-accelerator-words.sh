#!/bin/sh
# hls4ml 1.3.0 with qonnx 1.0.0, VivadoAccelerator back end: its two AXI streams carry floats, or the ap_fixed type that is asked
# for (its documentation: "float, double or ap_fixed<a,b>"). One would expect a wrapper that compiles, and DMAs of the streams' widths.
# Seen: the types are written without their ap_, so that no type but float and double compiles; and project.tcl gives the width of
# the input's words to what design.tcl takes for the output's DMA, and the other way round: only equal widths fit.
# isobit writes the types whole, and gives both streams words of one width.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.31.1 qonnx==1.0.0 hls4ml==1.3.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$work/venv/bin/python" - <<'PY'
import contextlib
import io
import re
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"
QUANT = {"domain": QONNX, "signed": 1, "narrow": 0, "rounding_mode": "ROUND"}


def converted(folder, words):
    """The project of a product with two columns, with these types on its streams."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    values = {"one": 1.0, "zero": 0.0, "bits": 8.0, "w": np.ones((4, 2))}
    tensors = [numpy_helper.from_array(np.asarray(v, dtype=np.float32), k) for k, v in values.items()]
    nodes = [helper.make_node("Quant", [name, "one", "zero", "bits"], [f"{name}q"], **QUANT) for name in ("x", "w")]
    nodes.append(helper.make_node("MatMul", ["xq", "wq"], ["y"]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
    model = helper.make_model(helper.make_graph(nodes, "net", [x], [y], tensors), ir_version=8, opset_imports=opsets)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ready = cleanup_model(ModelWrapper(model))
        config = hls4ml.utils.config_from_onnx_model(ready, granularity="name", backend="VivadoAccelerator")
        made = hls4ml.converters.convert_from_onnx_model(
            ready, output_dir=folder, backend="VivadoAccelerator", board="pynq-z2", io_type="io_parallel",
            hls_config=config, input_type=words[0], output_type=words[1],
        )
        made.write()


def compiles(folder):
    """Does g++ take the wrapper?"""
    command = ["g++", "-std=c++11", "-fsyntax-only", "-Ifirmware/ap_types", "firmware/myproject_axi.cpp"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return not done.returncode, next((line for line in done.stderr.splitlines() if "error:" in line), "")


for words in (("float", "float"), ("ap_fixed<8,8>", "ap_fixed<32,32>")):
    with tempfile.TemporaryDirectory() as folder:
        converted(folder, words)
        header = (Path(folder) / "firmware" / "myproject_axi.h").read_text()
        types = re.findall(r"typedef (.*) T_(?:in|out);", header)
        project, design = ((Path(folder) / f"{name}.tcl").read_text() for name in ("project", "design"))
        widths = dict(re.findall(r"set bit_width_hls_(\w+) (\d+)", project))
        dmas = dict(re.findall(r"CONFIG\.c_(\w+_tdata_width) \$\{bit_width_hls_(\w+)\}", design))
        good, error = compiles(folder)
        print(f"{words}: types {types}, compiles: {good} {error}")
        print(f"  DMA towards the network: {widths[dmas['m_axis_mm2s_tdata_width']]} bits, from it: "
              f"{widths[dmas['s_axis_s2mm_tdata_width']]} bits")
        if words[0] == "float":
            assert good and widths == {"input": "32", "output": "32"}
        else:
            assert not good and all(kind.startswith("fixed<") for kind in types)
            assert widths[dmas["m_axis_mm2s_tdata_width"]] == "32" and widths[dmas["s_axis_s2mm_tdata_width"]] == "8"
PY
