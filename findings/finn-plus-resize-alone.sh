#!/bin/sh
# finn-plus 1.6.1: nearest upsampling as ONNX has it since opset 10, through the builder's own step_convert_to_hw.
# One would expect a Resize to become FINN's UpsampleNearestNeighbour, or not, whatever else the network holds: InferUpsample
# converts both operators.
# Seen: the step applies InferUpsample only where the model has an Upsample, the operator that opset 10 replaced. A Resize alone stays
# what it is, and step_create_dataflow_partition stops there; the same Resize in front of an Upsample becomes hardware.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check finn-plus==1.6.1 psutil==7.2.2 # with PyTorch: some 6 GB
cd "$work"
"$work/venv/bin/python" -W ignore - 2>/dev/null <<'PY'
import contextlib
import io
import os
from pathlib import Path

os.environ["XILINX_VIVADO"] = "/opt/none/Vivado/2024.2"  # a name is wanted, nothing of it is run
os.environ["FINN_BUILD_DIR"] = str(Path("build").absolute())
Path("build").mkdir()
from finn import xsi

for name in getattr(xsi, "_LAZY_NAMES", ()):
    setattr(xsi, name, None)
from finn.util import settings

settings._SETTINGS = settings.FINNSettings.init(flow_config=Path("flow.yaml"), auto_set_environment_vars=False)
import numpy as np
from finn.builder.build_dataflow_config import DataflowBuildConfig
from finn.builder.build_dataflow_steps import build_dataflow_step_lookup as steps
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

CONFIG = DataflowBuildConfig(
    output_dir="out", synth_clk_period_ns=10.0, fpga_part="xc7z020clg400-1", generate_outputs=[], standalone_thresholds=True
)


def model(kinds, opset):
    names = [f"t{i}" for i in range(len(kinds) + 1)]
    infos = [helper.make_tensor_value_info(t, TensorProto.FLOAT, [1, 4 << i, 4 << i, 2]) for i, t in enumerate(names)]
    scales = numpy_helper.from_array(np.array([1, 2, 2, 1], np.float32), "scales")
    operands = {"Upsample": lambda t: [t, "scales"], "Resize": lambda t: [t, "scales"] if opset < 11 else [t, "", "scales"]}
    nodes = [helper.make_node(k, operands[k](names[i]), [names[i + 1]], mode="nearest") for i, k in enumerate(kinds)]
    graph = helper.make_graph(nodes, "g", infos[:1], infos[-1:], [scales], value_info=infos[1:-1])
    made = ModelWrapper(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8))
    for name in names:
        made.set_tensor_datatype(name, DataType["INT4"])
        made.set_tensor_layout(name, ["N", "H", "W", "C"])
    return made


HARDWARE = "UpsampleNearestNeighbour"
for kinds, opset, wanted in (
    (["Upsample"], 9, [HARDWARE]), (["Resize"], 10, ["Resize"]), (["Resize"], 13, ["Resize"]),
    (["Resize", "Upsample"], 10, [HARDWARE, HARDWARE]),
):
    with contextlib.redirect_stdout(io.StringIO()):
        found = [node.op_type for node in steps["step_convert_to_hw"](model(kinds, opset), CONFIG).graph.node]
    print(f"finn-plus 1.6.1, opset {opset}: {' -> '.join(kinds)} becomes {' -> '.join(found)}")
    assert found == wanted
PY
