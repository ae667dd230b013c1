"""Builds this network with FINN, in FINN's container (v1) or an environment with finn-plus, where Vivado is installed.

    python build.py estimate|ip|bitfile [OUTPUT]

estimate: FINN's reports; ip: stitched IP as well; bitfile: a bitfile and a PYNQ driver for the board of target.json. The network
is written in FINN's own dialect, integers throughout: step_streamline is left out, there is nothing to streamline.
check.py runs what needs no Vivado and compares integers; do that first. FINN's own verification has a tolerance.
"""

import json
import sys
from pathlib import Path

from finn.builder.build_dataflow import build_dataflow_cfg
from finn.builder.build_dataflow_config import DataflowBuildConfig, DataflowOutputType, VerificationStepType

HERE = Path(__file__).resolve().parent
ESTIMATE = [
    "step_qonnx_to_finn", "step_tidy_up", "step_convert_to_hw", "step_create_dataflow_partition", "step_specialize_layers",
    "step_apply_folding_config", "step_minimize_bit_width", "step_generate_estimate_reports",
]  # fmt: skip
BOARDS = {
    "pynq-z1": "Pynq-Z1",
    "pynq-z2": "Pynq-Z2",
    "zcu104": "ZCU104",
    "kv260": "KV260_SOM",
    "ultra96-v2": "Ultra96-V2",
}


def steps(goal):
    """The steps up to a goal, under the names that the installed FINN has for them."""
    from finn.builder.build_dataflow_config import default_build_dataflow_steps as known

    if goal == "estimate":
        return ESTIMATE
    rest = known[known.index("step_generate_estimate_reports") + 1 :]
    if goal == "ip":
        rest = rest[: rest.index("step_create_stitched_ip") + 1]
    return ESTIMATE + rest


def main(goal, output):
    """Run FINN; its status says little, so look into the reports."""
    target = json.loads((HERE / "target.json").read_text(encoding="utf-8"))
    products = {
        "estimate": [DataflowOutputType.ESTIMATE_REPORTS],
        "ip": [DataflowOutputType.ESTIMATE_REPORTS, DataflowOutputType.STITCHED_IP],
        "bitfile": [DataflowOutputType.ESTIMATE_REPORTS, DataflowOutputType.STITCHED_IP, DataflowOutputType.BITFILE,
                    DataflowOutputType.PYNQ_DRIVER],
    }  # fmt: skip
    board = BOARDS.get(target["name"])
    config = DataflowBuildConfig(
        output_dir=str(output),
        steps=steps(goal),
        synth_clk_period_ns=target["clock_ns"],
        board=board if goal == "bitfile" else None,
        fpga_part=target["part"],
        folding_config_file=str(HERE / "folding.json"),
        specialize_layers_config_file=str(HERE / "specialize.json"),
        standalone_thresholds=True,
        generate_outputs=products[goal],
        verify_steps=[VerificationStepType.TIDY_UP_PYTHON],
        verify_input_npy=str(HERE / "input.npy"),
        verify_expected_output_npy=str(HERE / "expected_output.npy"),
    )
    return build_dataflow_cfg(str(HERE / "network.onnx"), config)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ("estimate", "ip", "bitfile"):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else HERE / "build").resolve()))
