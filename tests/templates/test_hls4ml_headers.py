"""The headers of isobit's hls4ml layers: C++14 without a warning, together and in any order."""

from __future__ import annotations

import subprocess
from pathlib import Path

from isobit import templates
from isobit.backends.hls4ml.extension import HEADERS
from isobit.backends.toolchain import ap_types_folder, find_compiler

ROOT = templates.root()


def test_they_compile_without_a_warning(tmp_path: Path) -> None:
    folder = ROOT / "hls4ml"
    assert sorted(path.name for path in folder.glob("*.h")) == sorted(HEADERS)
    source = tmp_path / "all.cpp"
    source.write_text("".join(f'#include "{name}"\n' for name in [*HEADERS, *reversed(HEADERS)]), encoding="utf-8")
    flags = ["-std=c++14", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"]
    include = [f"-I{folder}", f"-I{ROOT / 'sim' / 'common'}", f"-isystem{ap_types_folder()}"]
    done = subprocess.run(
        [find_compiler(), *flags, *include, str(source)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_they_hold_nothing_that_hardware_has_not() -> None:
    for name in HEADERS:
        text = (ROOT / "hls4ml" / name).read_text(encoding="utf-8")
        assert not any(word in text for word in ("std::", "new ", "malloc", "double", "float "))
