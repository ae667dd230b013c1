"""Compiles the C++ programs of this folder in the builds a user can choose, once each, and runs them."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TEMPLATES = HERE.parents[1] / "templates"
STRICT = ["-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"]


def ap_types() -> Path | None:
    """The open ap_int headers inside the hls4ml wheel, found without importing it."""
    spec = importlib.util.find_spec("hls4ml")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "templates" / "vivado" / "ap_types"


def include_flags(build: str, headers: Path = TEMPLATES / "hls") -> list[str]:
    """Compiler flags of a build: ``faithful`` (ap_types), ``native`` or ``checked`` (our shim)."""
    flags = [f"-I{headers}", f"-I{TEMPLATES / 'sim' / 'common'}", f"-I{HERE}"]
    if build == "faithful":
        types = ap_types()
        if types is None:
            pytest.skip("hls4ml, which carries the open ap_int headers, is not installed")
        # Their constructors mask a value before it is set, which g++ reports where they are inlined.
        return [*flags, "-isystem", str(types), "-Wno-uninitialized"]
    flags.append(f"-I{TEMPLATES / 'sim' / 'native'}")
    return [*flags, "-DISOBIT_CHECKED"] if build == "checked" else flags


@dataclass(frozen=True)
class Program:
    """A compiled test program."""

    path: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs it to its end; the caller looks at the exit status."""
        return subprocess.run([str(self.path), *arguments], check=False, capture_output=True, text=True, timeout=60)


Compile = Callable[..., Program]


@pytest.fixture(scope="session")
def compile_program(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """``compile_program(source, build, cxx, cases=(), defines=(), headers=...)``: compiled once per list of arguments.

    ``cases`` are the statements that ``#include "cases.inc"`` stands for in the program's ``main``.
    """
    done: dict[tuple[object, ...], Program] = {}

    def compile_once(
        source: str, build: str, cxx: str = "g++", cases: Sequence[str] = (), defines: Sequence[str] = (),
        headers: Path = TEMPLATES / "hls",
    ) -> Program:  # fmt: skip
        key = (source, build, cxx, tuple(cases), tuple(defines), headers)
        if key not in done:
            if shutil.which(cxx) is None:
                pytest.skip(f"{cxx} is not installed")
            folder = tmp_path_factory.mktemp(f"{Path(source).stem}_{build}")
            (folder / "cases.inc").write_text("\n".join(cases) + "\n")
            command = [cxx, *STRICT, *include_flags(build, headers), *[f"-D{name}" for name in defines], f"-I{folder}"]
            command += [str(HERE / source), "-o", str(folder / "program")]
            result = subprocess.run(command, check=False, capture_output=True, text=True)
            assert result.returncode == 0, result.stderr[:4000]
            done[key] = Program(folder / "program")
        return done[key]

    return compile_once
