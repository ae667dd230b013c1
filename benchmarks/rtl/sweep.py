"""Whole networks through `isobit cosim`: declared and measured clocks of every model of a folder.

    python benchmarks/rtl/sweep.py FOLDER [--results benchmarks/rtl/sweep.jsonl] [--only NAME ...] [--again]
    python benchmarks/rtl/sweep.py --write docs/rtl.md

Every ``NAME/model.onnx`` and ``NAME/model.tflite`` is compiled for the first of the boards that it fits on, at that
board's default plan, and its RTL simulated: at least three frames back to back, more of short ones. Each model runs in
a process of its own with a time limit, and its line is added to the results at once: begun again, the sweep goes on
where it was. What is not compiled has its error code. ``--write`` puts the table of the results into a page.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import table
from exactness_cases import Subject, file_subjects

import isobit
from isobit.check.cosim.run import cosim
from isobit.check.cosim.sources import rtl_sources
from isobit.errors import IsobitError

RESULTS = Path(__file__).with_name("sweep.jsonl")
BOARDS = ("pynq-z1", "zcu104", "alveo-u250")
LEAST, MOST, CLOCKS = 3, 12, 50_000
"""Frames at least and at most, and about how many clocks short frames may fill."""
BEGIN, END = "<!-- sweep: begin -->", "<!-- sweep: end -->"


def build_of(subject: Subject, folder: Path, boards: tuple[str, ...]) -> isobit.Build:
    """The network compiled for the first board that it fits on; an input without a quantiser has the recorded type."""
    kind = None
    while True:
        try:
            return isobit.compile(str(subject.source()), folder, board=boards[0], input_type=kind)
        except IsobitError as error:
            if error.code in ("E203", "E209") and kind is None:
                kind = subject.declared_type() or "UINT8"
            elif error.exit_code == 3 and len(boards) > 1:
                boards = boards[1:]
            else:
                raise


def measured(subject: Subject, boards: tuple[str, ...], seconds: float) -> dict[str, Any]:
    """The line of one network."""
    with tempfile.TemporaryDirectory(prefix="isobit-sweep-") as scratch:
        build = build_of(subject, Path(scratch) / "build", boards)
        design, _ = rtl_sources(build)
        frames = min(max(CLOCKS // design.interval, LEAST), MOST)
        r = cosim(build, frames, timeout=seconds)
        if r.interval != r.declared:  # FIFOs were still filling up: a steady stream comes later
            frames *= 2
            r = cosim(build, frames, timeout=seconds)
    return {
        "model": subject.name, "board": build.manifest.board.name, "frames": frames, "outputs": r.outputs,
        "wrong": r.mismatches, "declared": r.declared, "interval": r.interval, "declared_latency": r.declared_latency,
        "latency": r.latency, "layers": len(r.layers),
        "late": sum(t.latency != t.declared_latency for t in r.layers),
        "compile_s": r.compile_seconds, "run_s": r.run_seconds,
    }  # fmt: skip


def one(folder: Path, name: str, boards: tuple[str, ...], seconds: float) -> dict[str, Any]:
    """The line of one network, or why there is none."""
    subject = next(s for s in file_subjects(folder) if s.name == name)
    try:
        return measured(subject, boards, seconds)
    except IsobitError as error:
        return {"model": name, "code": error.code, "why": error.message[:120]}


def sweep(options: argparse.Namespace) -> None:
    """Every model that has no line yet, the smallest file first."""
    known = {line["model"] for line in read(options.results)} if not options.again else set()
    models = sorted(options.folder.glob("*/model.*"), key=lambda p: p.stat().st_size)
    names = [p.parent.name for p in models if p.suffix in (".onnx", ".tflite")]
    for name in options.only or names:
        if name in known:
            continue
        command = [sys.executable, __file__, str(options.folder), "--one", name, "--seconds", str(options.seconds)]
        try:
            done = subprocess.run(
                [*command, "--boards", *options.boards], stdout=subprocess.PIPE, text=True, check=False,
                timeout=options.seconds,
            )  # fmt: skip
            line = done.stdout.splitlines()[-1] if done.returncode == 0 else ""
        except subprocess.TimeoutExpired:
            line = json.dumps({"model": name, "code": "time", "why": f"not done within {options.seconds:g} s"})
        print(line or f"{name}: status {done.returncode}", flush=True)
        if line:
            with options.results.open("a", encoding="utf-8") as results:
                results.write(line + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The last line of every model, in the order of the names."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    last = {line["model"]: line for line in map(json.loads, lines)}
    return [last[name] for name in sorted(last)]


def page(lines: list[dict[str, Any]]) -> str:
    """The table, and what was left out."""
    head = ["network", "board", "frames", "interval: declared", "measured", "latency: declared", "measured", "integers"]
    rows = []
    for x in lines:
        if "code" not in x:
            verdict = f"{x['outputs']:,} equal" if not x["wrong"] else f"{x['wrong']:,} of {x['outputs']:,} differ"
            clocks = (f"{x[k]:,}" for k in ("declared", "interval", "declared_latency", "latency"))
            rows.append([x["model"], x["board"], str(x["frames"]), *clocks, verdict])
    left = [f"`{x['model']}` ({x['code']}: {x['why']})" for x in lines if "code" in x]
    same = sum(x.get("declared") == x.get("interval") and not x["wrong"] for x in lines if "code" not in x)
    latency = sum(x["declared_latency"] == x["latency"] for x in lines if "code" not in x)
    said = f"Interval and integers equal in {same} of {len(rows)}; latency in {latency}."
    return "\n".join([said, "", table(head, rows), *(["", "Not simulated: " + "; ".join(left) + "."] if left else [])])


def write(target: Path, text: str) -> None:
    """Put ``text`` between the marks of a page."""
    content = target.read_text(encoding="utf-8")
    before, after = content.partition(BEGIN)[0], content.partition(END)[2]
    target.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8", newline="\n")


def main() -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", nargs="*", help="these models, in this order")
    parser.add_argument("--again", action="store_true", help="those that have a line too")
    parser.add_argument("--boards", nargs="+", default=list(BOARDS))
    parser.add_argument("--seconds", type=float, default=1800.0, help="time limit of a model")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table of the results into this page")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.folder, options.one, tuple(options.boards), options.seconds)))
    elif options.folder:
        sweep(options)
    if options.write:
        write(options.write, page(read(options.results)))


if __name__ == "__main__":
    main()
