"""What Vitis HLS asks of the templates, as far as text can show it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[2] / "templates"
HEADERS = sorted((TEMPLATES / "hls" / "isobit").glob("*.hpp"))
ALLOWED = {"stdint.h", "ap_int.h", "hls_stream.h", "ap_axi_sdata.h"}


def code_of(header: Path) -> str:
    """A header's text without its comments."""
    return re.sub(r"//[^\n]*", "", header.read_text())


@pytest.mark.parametrize("header", HEADERS, ids=lambda h: h.name)
def test_header_includes_only_what_vitis_has(header: Path) -> None:
    """The headers travel alone into a user's project."""
    included = set(re.findall(r'#include [<"]([^>"]+)[>"]', code_of(header)))
    ours = {f"isobit/{other.name}" for other in HEADERS}
    assert included <= ALLOWED | ours


@pytest.mark.parametrize("header", HEADERS, ids=lambda h: h.name)
def test_header_keeps_to_the_synthesisable_subset(header: Path) -> None:
    """No dynamic memory, exceptions, standard library, virtual functions or floating point."""
    forbidden = r"\b(new|delete|malloc|free|throw|try|catch|virtual|std|float|double|goto|while)\b"
    assert re.findall(forbidden, code_of(header)) == []


@pytest.mark.parametrize("header", HEADERS, ids=lambda h: h.name)
def test_every_loop_is_scheduled(header: Path) -> None:
    """Each loop is pipelined at II = 1 or unrolled, and says so in its first line."""
    lines = code_of(header).splitlines()
    after_loops = [lines[i + 1] for i, line in enumerate(lines) if line.lstrip().startswith("for (")]
    assert [
        line for line in after_loops if line not in ("#pragma HLS PIPELINE II=1 style=flp rewind", "#pragma HLS UNROLL")
    ] == []


@pytest.mark.parametrize("cxx", ["g++", "clang++"])
def test_headers_stand_alone(tmp_path: Path, cxx: str) -> None:
    """Each header compiles first in a file, with all warnings as errors."""
    if shutil.which(cxx) is None:
        pytest.skip(f"{cxx} is not installed")
    sources = [tmp_path / f"{header.stem}.cpp" for header in HEADERS]
    for source, header in zip(sources, HEADERS, strict=True):
        source.write_text(f'#include "isobit/{header.name}"\n#include "isobit/{header.name}"\n')
    folders = [TEMPLATES / "hls", TEMPLATES / "sim" / "common", TEMPLATES / "sim" / "native"]
    strict = ["-std=c++14", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"]
    command = [cxx, *strict, *[f"-I{folder}" for folder in folders], *map(str, sources)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert len(sources) >= 10
    assert (result.returncode, result.stderr) == (0, "")
