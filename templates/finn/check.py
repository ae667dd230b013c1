"""Runs FINN's conversion of this network without vendor tools, and compares the integers after every step.

    python check.py WORK        in an environment with finn-plus (`isobit finn setup` makes one)

Writes WORK/result.json: for every step the operators that FINN has and whether its Python execution gives the integers of
expected_output.npy (of further outputs expected_output_1.npy and so on), of as many samples as it executes in half a minute; what is not
mapped to hardware; the order in which the hardware has the outputs; the estimates of FINN's own analysis; and the same of its C++
simulation where FINN_DEPS holds finn-hlslib and XILINX_HLS is Vitis HLS. FINN itself compares with a tolerance and returns 0 where its
verification fails: nothing here relies on that.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
BEFORE = (
    "step_qonnx_to_finn", "step_tidy_up", "step_streamline", "step_convert_to_hw", "step_minimize_bit_width_initial",
)  # fmt: skip
"""Steps whose result FINN can execute in Python as it is."""
PARTITION = "step_create_dataflow_partition"
SECONDS = 30
"""What the execution of one step may take, about."""
AFTER = (
    "step_specialize_layers", "step_apply_folding_config", "step_minimize_bit_width", "step_generate_estimate_reports",
)  # fmt: skip
"""Steps after which only C++ or RTL simulation could execute it."""


NEEDED = {"FINN_DEPS": "finn-hlslib/bnn-library.h", "XILINX_HLS": "include/ap_int.h"}
"""What the C++ simulation includes, by the variables that lead there."""


def prepare(work):
    """What finn-plus wants of its surroundings where no Vivado is installed."""
    os.environ.setdefault("XILINX_VIVADO", "/opt/x/Vivado/2024.2")
    os.environ["FINN_BUILD_DIR"] = str(work / "build")
    (work / "build").mkdir(parents=True, exist_ok=True)
    from finn import xsi

    for name in getattr(xsi, "_LAZY_NAMES", ()):
        setattr(xsi, name, None)
    from finn.util import settings

    settings._SETTINGS = settings.FINNSettings.init(flow_config=work / "flow.yaml", auto_set_environment_vars=False)
    os.environ.setdefault("FINN_CUSTOM_HLS", str(settings._SETTINGS.finn_custom_hls))


def configuration(work, target):
    """The builder's configuration: FINN's report folder, the board, our folding."""
    from finn.builder.build_dataflow_config import DataflowBuildConfig, DataflowOutputType

    return DataflowBuildConfig(
        output_dir=str(work / "out"),
        synth_clk_period_ns=target["clock_ns"],
        fpga_part=target["part"],
        folding_config_file=str(HERE / "folding.json"),
        specialize_layers_config_file=str(HERE / "specialize.json"),
        generate_outputs=[DataflowOutputType.ESTIMATE_REPORTS],
        standalone_thresholds=True,
        save_intermediate_models=True,
    )


def affordable(model):
    """How many of the samples FINN executes in about SECONDS seconds, at least one: it takes them one at a time."""
    given = np.load(HERE / "input.npy")
    started = time.monotonic()
    executed(model, given[:1])
    return max(1, min(len(given), int(SECONDS / max(time.monotonic() - started, 1e-3))))


def executed(model, given):
    """The outputs of FINN's Python execution for these samples, one behind the other, as one array."""
    from finn.core.onnx_exec import execute_onnx

    entry = model.graph.input[0].name
    shape = tuple(model.get_tensor_shape(entry))
    rows = []
    for x in given:
        found = execute_onnx(model, {entry: x.reshape(shape)})
        rows.append(np.concatenate([found[last.name].reshape(-1) for last in model.graph.output]))
    return np.stack(rows)


def expected(model):
    """What ``executed`` must give for all samples."""
    files = [HERE / f"expected_{side}.npy" for side in sides(outputs(model))]
    return np.concatenate([values.reshape(len(values), -1) for values in map(np.load, files)], axis=1)


def outputs(model):
    """The tensors that leave, in the model's order."""
    return [last.name for last in model.graph.output]


def sides(names):
    """Outputs under the names of their files."""
    return {f"output_{i}" if i else "output": name for i, name in enumerate(names)}


def compared(model, wanted):
    """Outputs that differ of how many, and the first."""
    try:
        found = executed(model, np.load(HERE / "input.npy")[: len(wanted)])
    except Exception as error:  # FINN documents no exception types
        return {"executed": False, "why": f"{type(error).__name__}: {error}"[:300]}
    wrong = np.argwhere(found != wanted)
    first = ""
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        first = f"sample {place[0]}, element {place[1]}: FINN {found[place]:g}, isobit {wanted[place]:g}"
    return {"executed": True, "outputs": int(wanted.size), "different": len(wrong), "first": first}


def simulated(model, wanted):
    """The C++ of every HLS layer, compiled and run on the same samples; RTL layers in Python, as FINN has it."""
    paths = {name: Path(os.environ.get(name) or "/nowhere") / file for name, file in NEEDED.items()}
    missing = [f"{name}/{NEEDED[name]}" for name, path in paths.items() if not path.is_file()]
    if missing:
        return {"executed": False, "missing": missing}
    from finn.transformation.fpgadataflow.compile_cppsim import CompileCppSim
    from finn.transformation.fpgadataflow.prepare_cppsim import PrepareCppSim
    from finn.transformation.fpgadataflow.set_exec_mode import SetExecMode

    try:
        for change in (PrepareCppSim(), CompileCppSim(), SetExecMode("cppsim")):
            model = model.transform(change)
    except Exception as error:  # see above
        return {"executed": False, "why": f"{type(error).__name__}: {error}"[:300]}
    return compared(model, wanted)


def operators(model):
    """How many nodes of each kind."""
    counts = {}
    for node in model.graph.node:
        counts[node.op_type] = counts.get(node.op_type, 0) + 1
    return dict(sorted(counts.items()))


def border(model, names):
    """The types that the model itself gives its input and its outputs, which have these names."""
    ends = {"input": model.graph.input[0].name, **sides(names)}
    return {side: model.get_tensor_datatype(name).name for side, name in ends.items()}


def unmapped(model):
    """The nodes that are not FINN's hardware."""
    return [n.name for n in model.graph.node if not n.domain.startswith("finn.custom_op.fpgadataflow")]


def run(work):
    """All steps; the result as plain data."""
    prepare(work)
    from finn.builder.build_dataflow_steps import build_dataflow_step_lookup as steps
    from qonnx.core.modelwrapper import ModelWrapper

    target = json.loads((HERE / "target.json").read_text(encoding="utf-8"))
    config = configuration(work, target)
    model = ModelWrapper(str(HERE / "network.onnx"))
    wanted = expected(model)[: affordable(model)]
    names = outputs(model)
    result = {"steps": [], "error": ""}
    result["steps"].append({"name": "network.onnx", "operators": operators(model), "border": border(model, names)} | compared(model, wanted))
    try:
        for name in (*BEFORE, PARTITION, *AFTER):
            if name not in steps:
                continue
            if name == PARTITION:
                result["unmapped"] = unmapped(model)
                model.save(str(work / "mapped.onnx"))
            model = steps[name](model, config)
            names = outputs(model) if name in BEFORE else names  # the hardware's outputs have an order of their own
            record = {"name": name, "operators": operators(model), "border": border(model, names)}
            if name in BEFORE:
                record |= compared(model, wanted)
            result["steps"].append(record)
            if name == "step_apply_folding_config":
                result["folded"] = folded(model)
        result["order"] = [names.index(name) for name in outputs(model)]
        result["simulation"] = simulated(model, wanted)
    except Exception as error:  # see above
        result["error"] = f"{name}: {type(error).__name__}: {error}"[:500]
    result["estimate"] = estimates(Path(config.output_dir) / "report")
    return result


def folded(model):
    """PE, SIMD and sizes of every layer that has them, as FINN holds them after our folding was applied."""
    from qonnx.custom_op.registry import getCustomOp

    found = {}
    for node in model.graph.node:
        instance = getCustomOp(node)
        names = [n for n in ("PE", "SIMD", "MH", "MW", "Channels", "NumChannels") if n in instance.get_nodeattr_types()]
        found[node.name] = {name: int(instance.get_nodeattr(name)) for name in names}
    return found


def estimates(folder):
    """FINN's own reports, where it wrote them."""
    names = {
        "cycles": "estimate_layer_cycles",
        "resources": "estimate_layer_resources",
        "network": "estimate_network_performance",
    }
    found = {}
    for key, name in names.items():
        path = folder / f"{name}.json"
        if path.is_file():
            found[key] = json.loads(path.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    place = Path(sys.argv[1]).resolve()
    place.mkdir(parents=True, exist_ok=True)
    done = run(place)
    (place / "result.json").write_text(json.dumps(done, indent=1, sort_keys=True) + "\n", encoding="utf-8")
