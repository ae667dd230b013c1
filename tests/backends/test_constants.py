"""Constant arrays as data are the arrays of the text, and what isobit does not write is left to the compiler."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from isobit import templates
from isobit.backends.constants import HEADER, as_data
from isobit.backends.dataflow.design import Array
from isobit.backends.dataflow.initialiser import initialiser
from isobit.backends.ports import IntType
from isobit.backends.toolchain import find_compiler
from isobit.ir.types import IntArray

SHAPE = (64, 8, 16)
HEAD = '#ifndef ISOBIT_PARAMETERS_HPP\n#define ISOBIT_PARAMETERS_HPP\n#include "isobit/types.hpp"\n\n'
PRINT = """
#include <stdio.h>
int main() {
  for (auto& plane : values) for (auto& row : plane) for (auto x : row) printf("%lld\\n", static_cast<long long>(x));
  return 0;
}
"""


def random_array(bits: int, signed: bool, shape: tuple[int, ...] = SHAPE) -> Array:
    kind = IntType(bits, signed)
    lo, hi = kind.interval
    rng = np.random.default_rng(bits)
    return Array("values", kind, rng.integers(lo, hi, shape, dtype=np.int64, endpoint=True))


def declared(array: Array) -> str:
    kind, sizes = array.elem, "".join(f"[{n}]" for n in array.values.shape)
    sign = "true" if kind.signed else "false"
    return f"static const isobit::rom<{kind.bits}, {sign}>::type values{sizes} =\n{initialiser(array)};\n\n"


def project(folder: Path, text: str) -> Path:
    (folder / "hls").mkdir()
    (folder / "hls" / HEADER).write_text(HEAD + text + "#endif\n", encoding="utf-8")
    return folder / "hls"


def compiled_values(folder: Path, included: Path) -> IntArray:
    main, program = folder / "main.cpp", folder / "main"
    main.write_text(f'#include "{folder}/hls/{HEADER}"\n{PRINT}', encoding="utf-8")
    root = templates.root()
    places = [f"-I{root / place}" for place in ("hls", "sim/common", "sim/native")]
    flags = ["-std=c++14", "-w", "-include", str(included)]
    subprocess.run([find_compiler(), *flags, *places, str(main), "-o", str(program)], check=True)
    return np.array(subprocess.run([program], check=True, capture_output=True).stdout.split(), np.int64).reshape(SHAPE)


@pytest.mark.parametrize(("bits", "signed"), [(4, True), (8, False), (13, True), (33, True), (63, False)])
def test_data_are_the_numbers_of_the_text(tmp_path: Path, bits: int, signed: bool) -> None:
    array = random_array(bits, signed)
    header = as_data(project(tmp_path, declared(array)), tmp_path, "constants")
    assert header is not None and "{" not in header.read_text().replace(HEAD, "")
    assert (compiled_values(tmp_path, header) == array.values).all()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{{{", "{{{ 0"), ("{{{", "{{{01, "), ("}}}", ", 1}}}"), ("}},", "},"), ("{{{", "{{{1000, "), ("{{{", "{{{- "),
        ("{{{", "{{{/* */"), ("{{{", "{{{0x1"), ("static", "// static"), ("static", "constexpr static"),
    ],
)  # fmt: skip
def test_another_text_is_left_to_the_compiler(tmp_path: Path, old: str, new: str) -> None:
    text = declared(random_array(8, True)).replace(old, new, 1)
    assert as_data(project(tmp_path, text), tmp_path, "constants") is None


def test_small_arrays_and_other_text_stay(tmp_path: Path) -> None:
    small = declared(random_array(8, True, (4, 4, 4))).replace("values", "small")
    text = f"// before\n{small}{declared(random_array(8, True))}// behind\n"
    header = as_data(project(tmp_path, text), tmp_path, "constants")
    assert header is not None
    made = header.read_text()
    assert small in made and "// before\n" in made and made.endswith("// behind\n#endif\n")
    assert (compiled_values(tmp_path, header) == random_array(8, True).values).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 3), (3, 4, 5), (2, 3, 1), (2, 3, 4, 5), (1, 2, 1, 2)])
@pytest.mark.parametrize("bits", [1, 4, 12, 40])
def test_rows_are_what_the_list_is(shape: tuple[int, ...], bits: int) -> None:
    array = random_array(bits, bits > 1, shape)
    text = str(array.values.tolist()).translate(str.maketrans("[]", "{}"))
    assert initialiser(array) == "  " + text.replace("}, {", "},\n   {")
