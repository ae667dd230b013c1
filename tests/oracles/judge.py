"""Faults put into the compiler one at a time, each judged in a process of its own.

``python -m tests.oracles.judge`` reads a JSON list of faults from standard input and writes a line of JSON for each:
the verdicts that caught it, by name, and what they said. A fault is a line of the package replaced as its module is
loaded (nothing on the disk changes), or a line of a template replaced in the project that was written. Other projects'
packages are loaded once, then a process is forked for every fault, so that isobit itself is loaded anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "compiler" / "isobit"
VECTORS = 64
_PREFIX = "templates/"


@dataclass(frozen=True)
class Fault:
    """``old`` becomes ``new`` in ``file`` (below the package, or ``templates/...``); tried on the network ``net``.

    ``caught`` names the verdict that must catch it. ``cpp`` asks for the C++ simulation, which takes seconds.
    ``options`` are those of :func:`isobit.compile` that take the network past the line: how fast, in which arithmetic.
    """

    name: str
    file: str
    old: str
    new: str
    net: str
    caught: str
    fast: bool = False
    cpp: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The module that is replaced, "" for a template."""
        if self.file.startswith(_PREFIX):
            return ""
        return "isobit." + self.file.removesuffix(".py").replace("/", ".")


class _Loader(SourceFileLoader):
    """Compiles a module from its text with one line replaced."""

    fault: Fault

    def get_code(self, fullname: str) -> Any:
        return compile(replaced(Path(self.path).read_text(encoding="utf-8"), self.fault), self.path, "exec")


class _Finder(MetaPathFinder):
    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """The module with the fault in it, by the loader above."""
        if fullname != self.fault.module:
            return None
        spec = PathFinder.find_spec(fullname, path)
        assert spec is not None and spec.origin is not None
        loader = _Loader(fullname, spec.origin)
        loader.fault = self.fault
        spec.loader = loader
        return spec


def replaced(text: str, fault: Fault) -> str:
    """The text with the fault; the line must be there exactly once."""
    assert text.count(fault.old) == 1, (fault.name, text.count(fault.old))
    return text.replace(fault.old, fault.new)


def judge(fault: Fault, folder: Path) -> dict[str, str]:
    """Every verdict that caught the fault, with what it said."""
    if fault.module:
        sys.meta_path.insert(0, _Finder(fault))
    import isobit
    from isobit.errors import IsobitError
    from tests.oracles.nets import NETS

    early: dict[str, str] = {}
    try:
        model = NETS[fault.net](folder)
        try:
            build = isobit.compile(model, folder / "build", **fault.options)
        except IsobitError as error:
            if error.code != "E901" or "arithmetic" in fault.options:
                raise
            # The two readings of the source differ by more than rounding: said on import, and judged further without.
            early = {"E901": str(error)}
            build = isobit.compile(model, folder / "build", arithmetic="exact", **fault.options)
    except (IsobitError, AssertionError) as error:
        return early | {"refused": f"{type(error).__name__}: {error}"}
    if fault.file.startswith(_PREFIX):
        path = build.hls / fault.file.removeprefix(_PREFIX)
        path.write_text(replaced(path.read_text(encoding="utf-8"), fault), encoding="utf-8")
    found = early | dict(_source(build))
    found |= _proofs(build) | _lint(build)
    return found | (_cpp(build, folder) if fault.cpp else {})


def _source(build: Any) -> Iterator[tuple[str, str]]:
    from isobit.check.csim.stimuli import vectors_for
    from isobit.check.source.compare import check_source

    verdict = check_source(build, vectors_for(build.graph, VECTORS, 0), {})
    if verdict.exact_mismatches > 0:
        yield "exact arithmetic", f"{verdict.exact_mismatches} of {verdict.exact_outputs} outputs"
    if verdict.unexplained:
        judge_of = next(oracle for oracle in verdict.oracles if oracle.ran and oracle.version)
        yield judge_of.name, f"{len(verdict.unexplained)} unexplained, {verdict.unexplained[0]}"


def _proofs(build: Any) -> dict[str, str]:
    from isobit.check.proofs.verify import verify_build

    verification = verify_build(build.path)
    problems = [s.problem for s in (*verification.steps, *verification.sums) if s.problem]
    return {} if verification.holds else {"proofs": str(problems[:1])}


def _lint(build: Any) -> dict[str, str]:
    from isobit.check.lint.rules import lint_build

    findings = lint_build(build)
    return {"lint": str(findings[0])} if findings else {}


def _cpp(build: Any, folder: Path) -> dict[str, str]:
    from isobit.check.csim.run import judged, simulator
    from isobit.check.csim.stimuli import vectors_for
    from isobit.errors import IsobitError
    from isobit.interp import Evaluator

    integers = vectors_for(build.graph, VECTORS, 0)
    try:
        done = simulator(build, "checked", folder, None).run(integers, 60)
    except IsobitError as error:
        return {"C++ = graph": str(error)}
    run, mismatch = judged("checked", Evaluator(build.graph).run(integers), done)
    return {"C++ = graph": f"{run.mismatches} of {run.outputs}: {mismatch}"} if run.mismatches else {}


def judge_all(faults: list[Fault]) -> dict[str, dict[str, str]]:
    """The verdicts that caught each fault, by the fault's name; runs this module as a process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.oracles.judge"], input=json.dumps([vars(f) for f in faults]), text=True,
        capture_output=True, cwd=ROOT, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT / "compiler", ROOT, ROOT / "tests")))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = dict(json.loads(line) for line in done.stdout.splitlines())
    return found


def _in_a_fork(fault: Fault) -> Mapping[str, str]:
    """The verdict from a forked process; what goes wrong there comes back as ``crash``."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        try:
            with tempfile.TemporaryDirectory(prefix="isobit-fault-") as folder:
                answer: Mapping[str, str] = judge(fault, Path(folder))
        except BaseException:
            answer = {"crash": traceback.format_exc()}
        with os.fdopen(writing, "w") as pipe:
            pipe.write(json.dumps(answer))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.wait()
    found: Mapping[str, str] = json.loads(text)
    return found


def main() -> None:
    """Judge the faults of standard input."""
    import jinja2  # noqa: F401
    import onnx.reference  # noqa: F401
    import onnxruntime  # noqa: F401
    import pydantic  # noqa: F401
    import qonnx.core.onnx_exec
    import qonnx.transformation.fold_constants
    import qonnx.transformation.infer_shapes  # noqa: F401

    assert not any(name.split(".")[0] == "isobit" for name in sys.modules)
    for entry in json.loads(sys.stdin.read()):
        fault = Fault(**entry)
        sys.stdout.write(json.dumps([fault.name, _in_a_fork(fault)]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
