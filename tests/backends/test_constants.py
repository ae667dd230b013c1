"""Constant arrays have the same values in words and in elements, as text and as data; other text is the compiler's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from isobit import templates
from isobit.backends.constants import HEADER, LEAST, as_data
from isobit.backends.dataflow.design import Array
from isobit.backends.dataflow.initialiser import initialiser
from isobit.backends.dataflow.words import Rom, as_it_is, by_row, by_stage
from isobit.backends.ports import IntType
from isobit.backends.toolchain import ap_types_folder, find_compiler
from isobit.ir.types import IntArray

SHAPE = (64, 8, 16)
HEAD = '#ifndef ISOBIT_PARAMETERS_HPP\n#define ISOBIT_PARAMETERS_HPP\n#include "isobit/rom.hpp"\n\n'
PRINT = """
#include <stdio.h>
int main() {
  for (auto& plane : values) for (auto& row : plane) for (auto x : row) printf("%lld\\n", static_cast<long long>(x));
  return 0;
}
"""
PRINT_ROWS = """
#include <stdio.h>
int main() {
  for (auto& row : values)
    for (int l = 0; l < TEST_LANES; ++l)
      printf("%lld\\n", (long long)isobit::from_row<TEST_VALUE, TEST_LANES>(row, l).to_int64());
  return 0;
}
"""


def random_array(bits: int, signed: bool, shape: tuple[int, ...] = SHAPE) -> Array:
    kind = IntType(bits, signed)
    lo, hi = kind.interval
    rng = np.random.default_rng(bits)
    return Array("values", kind, rng.integers(lo, hi, shape, dtype=np.int64, endpoint=True))


def declared(array: Array, rom: Rom | None = None) -> str:
    rom = rom or as_it_is(array)[0]
    sizes = "".join(f"[{n}]" for n in rom.values.shape)
    return f"static const {rom.type} values{sizes} =\n{initialiser(rom)};\n\n"


def project(folder: Path, text: str) -> Path:
    (folder / "hls").mkdir()
    (folder / "hls" / HEADER).write_text(HEAD + text + "#endif\n", encoding="utf-8")
    return folder / "hls"


def compiled_values(
    folder: Path, included: Path | None, text: str = PRINT, defines: tuple[str, ...] = (), synthesis: bool = False
) -> IntArray:
    """What the program prints; with ``synthesis`` of the arrays that Vitis takes, in the open ap_types."""
    main, program = folder / "main.cpp", folder / "main"
    form = '#include "ap_int.h"\n#include "hls_stream.h"\n#define __SYNTHESIS__\n' if synthesis else ""
    main.write_text(f'{form}#include "{folder}/hls/{HEADER}"\n{text}', encoding="utf-8")
    root = templates.root()
    integers = ap_types_folder() if synthesis else root / "sim" / "native"
    places = [f"-I{place}" for place in (root / "hls", root / "sim" / "common", integers)]
    flags = ["-std=c++14", "-w", *(f"-D{name}" for name in defines), *(["-include", str(included)] if included else [])]
    subprocess.run([find_compiler(), *flags, *places, str(main), "-o", str(program)], check=True)
    return np.array(subprocess.run([program], check=True, capture_output=True).stdout.split(), np.int64)


@pytest.mark.parametrize(("bits", "signed"), [(4, True), (8, False), (13, True), (33, True), (63, False)])
def test_data_are_the_numbers_of_the_text(tmp_path: Path, bits: int, signed: bool) -> None:
    array = random_array(bits, signed)
    header = as_data(project(tmp_path, declared(array)), tmp_path, "constants")
    assert header is not None and "{" not in header.read_text().replace(HEAD, "")
    assert (compiled_values(tmp_path, header) == array.values.reshape(-1)).all()


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
    assert (compiled_values(tmp_path, header) == random_array(8, True).values.reshape(-1)).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 3), (3, 4, 5), (2, 3, 1), (2, 3, 4, 5), (1, 2, 1, 2)])
@pytest.mark.parametrize("bits", [1, 4, 12, 40])
def test_rows_are_what_the_list_is(shape: tuple[int, ...], bits: int) -> None:
    array = random_array(bits, bits > 1, shape)
    text = str(array.values.tolist()).translate(str.maketrans("[]", "{}"))
    assert initialiser(as_it_is(array)[0]) == "  " + text.replace("}, {", "},\n   {")


@pytest.mark.parametrize(
    ("bits", "signed", "lanes", "count"),
    [(1, False, 64, 64), (4, True, 48, 16), (8, True, 24, 8), (7, True, 35, 7), (3, False, 22, 11), (13, True, 8, 4),
     (32, True, 2, 2), (33, True, 4, 1), (8, True, 11, 1), (5, False, 1, 1)],
)  # fmt: skip
def test_words_hold_the_values_of_their_row(tmp_path: Path, bits: int, signed: bool, lanes: int, count: int) -> None:
    """In synthesis' form, in simulation's as text, and as data where the values are apart."""
    array = random_array(bits, signed, (300, lanes, 1))
    (rom,), row = by_row(array), array.values.reshape(-1)
    assert (rom.count, rom.bits, rom.values.shape) == (count, count * bits, (300, lanes // count))
    text = declared(array, rom)
    folder, defines = project(tmp_path, text), (f"TEST_LANES={lanes}", f"TEST_VALUE={array.elem}")
    for synthesis in (True, False):
        assert (compiled_values(tmp_path, None, PRINT_ROWS, defines, synthesis) == row).all()
    header = as_data(folder, tmp_path, "constants")
    if len(text) > 2 * LEAST and (count > 1 or row.size >= LEAST):
        assert header is not None and f"values[300][{lanes}]" in header.read_text()
        assert (compiled_values(tmp_path, header, PRINT_ROWS, defines) == row).all()


@pytest.mark.parametrize(
    ("old", "new"),
    [("{{0x", "{{0y"), ("{{0x", "{{0x0"), ("{{0x", "{{0"), ("{{0x", "{{-0x"), ("}}", ", 1}}"), (", ", " ")],
)  # fmt: skip
def test_other_words_are_left_to_the_compiler(tmp_path: Path, old: str, new: str) -> None:
    array = random_array(8, True, (64, 16, 8))
    text = declared(array, *by_row(array))
    assert as_data(project(tmp_path, text.replace(old, new, 1)), tmp_path, "constants") is None


def test_words_of_too_many_bits_are_left_to_the_compiler(tmp_path: Path) -> None:
    array = random_array(7, True, (128, 7, 7))  # 49 bits in 13 digits
    text = declared(array, *by_row(array))
    first = text.index("{{0x") + 4
    edited = text[:first] + "f" + text[first + 1 :]
    assert as_data(project(tmp_path, edited), tmp_path, "constants") is None


@pytest.mark.parametrize("stages", [1, 2, 5])
def test_every_stage_is_an_array_of_its_own(stages: int) -> None:
    """Those of a heap: as deep as a stage has choices, in this order, with a memory for every lane."""
    array = random_array(11, True, (3, 4, (1 << stages) - 1))
    roms = by_stage(array)
    assert [rom.values.shape for rom in roms] == [(3, 4, 1 << s) for s in range(stages)]
    assert (np.concatenate([rom.values for rom in roms], axis=-1) == array.values).all()
    assert [rom.pragmas[0] for rom in roms] == [f"ARRAY_PARTITION variable={r.name} complete dim=2" for r in roms]
    assert len({rom.name for rom in roms}) == stages
