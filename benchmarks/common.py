"""What the benchmarks share: the networks, CPU time, fresh processes, tables, and the published page."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("ISOBIT_CACHE", "")
"""Nothing that an earlier run compiled makes this one faster."""
PAGE = ROOT / "docs" / "benchmarks.md"
SIZES = (16, 64, 32, 32, 5)
"""Features of the benchmark network: input, three hidden layers, output."""


def cpu_seconds() -> float:
    """User and system seconds of this process and its finished children so far."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in usages)


def cpu_of(work: Callable[[], Any]) -> tuple[Any, float]:
    """What ``work`` returns, and its CPU seconds."""
    before = cpu_seconds()
    result = work()
    return result, cpu_seconds() - before


def fastest(work: Callable[[], Any], repeats: int = 3) -> tuple[Any, float]:
    """What ``work`` returns, and the least CPU seconds of a few runs: other load only ever adds."""
    runs = [cpu_of(work) for _ in range(repeats)]
    return runs[-1][0], min(seconds for _, seconds in runs)


@contextmanager
def benchmark_models() -> Iterator[dict[str, Path]]:
    """The 16-64-32-32-5 network as QONNX files, 8-bit and 4-bit, by name; seeded, with untrained weights.

    Weights have one scale per layer: hls4ml 1.3 does not convert these files with one per channel.
    """
    sys.path[:0] = [str(ROOT / "tests")]
    from models.brevitas_nets import mlp

    from isobit.frontend.brevitas import export_module

    with tempfile.TemporaryDirectory(prefix="isobit-benchmark-") as scratch:
        files = {f"{bits}-bit": Path(scratch) / f"mlp{bits}.onnx" for bits in (8, 4)}
        for bits, file in zip((8, 4), files.values(), strict=True):
            network = mlp(SIZES, bits, bits, per_channel=False, bias="float")
            export_module(network, (SIZES[0],), file, "torchscript")
        yield files


def in_fresh_process(script: str, *arguments: str) -> dict[str, Any]:
    """Runs ``script ARGUMENTS`` and returns the JSON object on the last line that it prints, and its ``peak``.

    ``peak`` is the most MiB that the process and its children held at one time, looked at every 20 ms.

    A tool is measured in a process of its own, so that neither tool's libraries, threads or caches help or hinder
    the other's. NumPy's BLAS has one thread there: figures are per core, and idle threads that spin are not counted.
    """
    command, one_core = [sys.executable, script, *arguments], {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=os.environ | one_core)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, tree_mib(process.pid))
            time.sleep(0.02)
        out.seek(0)
        err.seek(0)
        printed, complaint = out.read(), err.read()
    if process.returncode != 0:
        raise SystemExit(f"{Path(script).name} {' '.join(arguments)} failed:\n{complaint[-2000:]}")
    result: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    return result | {"peak": peak}


def tree_mib(pid: int) -> float:
    """Resident MiB of a process and all below it now; pages that they share count once for each."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = [c for task in Path(f"/proc/{pid}/task").iterdir() for c in (task / "children").read_text().split()]
    except (OSError, IndexError):  # it has ended
        return 0.0
    return pages * resource.getpagesize() / (1 << 20) + sum(tree_mib(int(child)) for child in children)


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A folder with an older state of the repository."""
    with tempfile.TemporaryDirectory(prefix="isobit-base-") as scratch:
        tree = Path(scratch) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers right-aligned after the first column."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def publish(section: str, text: str, path: Path = PAGE) -> None:
    """Print ``text`` and, with ``--docs`` on the command line, put it into its section of a page."""
    print(text)
    if "--docs" not in sys.argv:
        return
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    page = path.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    assert pattern.search(page), f"{path} has no section {section}"
    path.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page), encoding="utf-8", newline="\n")
