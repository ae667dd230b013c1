"""Every declared schedule against the C++: which word moves in which iteration, in which order, for small foldings."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
import pytest

from isobit import templates
from isobit.backends.dataflow.catalogue import CATALOGUE, ArrayOf, numbers, schedule_of
from isobit.backends.dataflow.design import Process
from isobit.backends.dataflow.latencies import lag
from isobit.backends.dataflow.schedule import Constants, Schedule
from isobit.backends.ports import IntType
from tests.templates.test_template_frames import kept

HERE = Path(__file__).parent
WORD = IntType(4, signed=True)


def configurations() -> Iterator[tuple[str, dict[str, int]]]:
    """Small shapes and foldings of every template."""
    for pe, folds in product((1, 2), (1, 3)):
        size = {"CHANNELS": pe * folds, "PE": pe, "FOLDS": folds * 2}
        yield "add", size
        yield "channel_product", size
        yield "product", {"PE": pe, "FOLDS": folds * 2}
        yield "lookup", size | {"LO": -8, "SIZE": 16}
        yield "multiply_shift", size | {"K": 2, "LO": -8, "HI": 7, "CLAMP": 1}
        yield "round_shift", size | {"K": 2, "ROUNDING": 0, "LO": -8, "HI": 7, "CLAMP": 1}
        yield "half_even", size | {"K": 2, "LO": -8, "HI": 7, "CLAMP": 1}
        yield "thresholds", size | {"LEVELS": 3}
        for taps, vectors in product((1, 4), (1, 3)):
            yield "depthwise", {"CHANNELS": pe * folds, "PE": pe, "TAPS": taps, "VECTORS": vectors}
            yield "max_pool", {"CHANNELS": pe * folds, "PE": pe, "TAPS": taps, "VECTORS": vectors}
    for simd, pe, vectors in product((1, 2, 6), (1, 2, 4), (1, 3)):
        yield "dense", {"IN": 6, "OUT": 4, "SIMD": simd, "PE": pe, "VECTORS": vectors}
        yield "dense", {"IN": 6, "OUT": 4, "SIMD": simd, "PE": pe, "VECTORS": vectors, "PACKED": 18, "CHAIN": 2}
        if (simd, pe) == (6, 4):
            yield "constant_dense", {"IN": 6, "OUT": 4, "VECTORS": vectors, "ADDERS": 2, "DEPTH": 2}
        if pe == 1 or simd == 6:
            yield "streamed_dense", {"IN": 6, "OUT": 4, "SIMD": simd, "PE": pe, "VECTORS": vectors}
    for lanes, vectors in product((1, 2, 6), (1, 3)):
        yield "argmax", {"FRAME": 6, "LANES": lanes, "VECTORS": vectors}
        yield "top_k", {"FRAME": 6, "LANES": lanes, "VECTORS": vectors, "K": 2}
        yield "read_frame", {"FRAME": 6 * vectors, "LANES": lanes, "ELEM": 8, "WORD": 8 * lanes}
        yield "read_further_frame", {"FRAME": 6 * vectors, "LANES": lanes, "ELEM": 8, "WORD": 8 * lanes}
        yield "fork_flag", {"FLAGS": vectors}
        yield "write_frame", {"FRAME": 6 * vectors, "LANES": lanes, "ELEM": 8, "WORD": 8 * lanes, "ROW": 6 * vectors}
        yield "fork", {"WORDS": 6 * vectors // lanes, "LANES": lanes}
    for narrow, wide in product((1, 2, 3, 4, 6, 12), repeat=2):
        yield "width_converter", {"FRAME": 24, "ROW": 24, "CHANNELS": 1, "IN_LANES": narrow, "OUT_LANES": wide}
    for row, narrow, wide in product((5, 9, 10, 13), (1, 2, 3, 4, 8), (1, 2, 3, 4, 8)):
        yield "width_converter", {"FRAME": 2 * row, "ROW": row, "CHANNELS": 1, "IN_LANES": narrow, "OUT_LANES": wide}
    for lanes in (2, 4, 8, 16):
        yield "write_frame", {"FRAME": 27, "LANES": lanes, "ELEM": 8, "WORD": 8 * lanes, "ROW": 9}
    for height, width, lanes in ((1, 5, 1), (3, 2, 2), (2, 3, 1)):
        frame = {"H": height, "W": width, "CHANNELS": 2, "LANES": lanes}
        yield "pad", frame | {"TOP": height - 1, "BOTTOM": 2, "LEFT": 1, "RIGHT": 0, "VALUE": -1}
        yield "upsample", frame | {"FACTOR_H": height, "FACTOR_W": 3}
        box = {"TOP": height // 2, "LEFT": 1, "FIRST": 1, "OUT_H": 1, "OUT_W": 1, "OUT_WORDS": 2}
        yield "slice", {"H": height, "W": width, "IN_WORDS": 4, "LANES": lanes} | box
    for first, second in product((1, 3), repeat=2):
        yield "concat", {"POSITIONS": 4, "A_WORDS": first, "B_WORDS": second, "LANES": 2}
        yield "reorder", {"IN_WORDS": 5 * first, "OUT_WORDS": 4 * second, "LANES": 2}
    yield from windows()
    for samples in (1, 2, 4, 8, 16):
        yield from several(samples)
        yield from blocks(samples)


def several(samples: int) -> Iterator[tuple[str, dict[str, int]]]:
    """The units that take words of several whole samples of two channels."""
    lanes, width = 2 * samples, 2 * samples
    size = {"CHANNELS": 2, "PE": lanes, "FOLDS": 3}
    yield "add", size
    yield "channel_product", size
    yield "product", {"PE": lanes, "FOLDS": 3}
    yield "lookup", size | {"LO": -8, "SIZE": 16}
    yield "multiply_shift", size | {"K": 2, "LO": -8, "HI": 7, "CLAMP": 1}
    yield "round_shift", size | {"K": 2, "ROUNDING": 0, "LO": -8, "HI": 7, "CLAMP": 1}
    yield "half_even", size | {"K": 2, "LO": -8, "HI": 7, "CLAMP": 1}
    yield "thresholds", size | {"LEVELS": 3}
    for name in ("depthwise", "max_pool"):
        yield name, {"CHANNELS": 2, "PE": lanes, "TAPS": 3 * samples, "VECTORS": 2}
    yield "argmax", {"FRAME": 2, "LANES": lanes, "VECTORS": 3 * samples}
    yield "top_k", {"FRAME": 2, "LANES": lanes, "VECTORS": 3 * samples, "K": 2}
    yield "parallel_concat", {"WORDS": 3, "SAMPLES": samples, "A": 2, "B": 1}
    for height, left in ((1, samples), (2, 0), (2, max(samples - 1, 1))):
        frame = {"H": height, "W": width, "CHANNELS": 2, "LANES": lanes}
        yield "pad", frame | {"TOP": 1, "BOTTOM": 0, "LEFT": left, "RIGHT": -left % samples, "VALUE": 1}
        yield "upsample", frame | {"FACTOR_H": height, "FACTOR_W": 3}


def blocks(samples: int) -> Iterator[tuple[str, dict[str, int]]]:
    """Windows of several positions: one- and two-dimensional, strides, dilations, borders, all foldings."""
    shapes = (  # height, kernel, strides, dilations, border: top, bottom, left, right
        (1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0), (1, 1, 5, 1, 1, 1, 1, 0, 0, 2, 2), (1, 1, 3, 1, 2, 1, 1, 0, 0, 1, 1),
        (1, 1, 3, 1, 1, 1, 4, 0, 0, 8, 0), (4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1), (6, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1),
        (6, 2, 2, 2, 2, 1, 1, 0, 0, 0, 0), (5, 2, 1, 1, 1, 2, 1, 0, 1, 0, 0), (5, 3, 5, 3, 1, 1, 1, 0, 0, 0, 4),
    )  # fmt: skip
    for height, kh, kw, sh, sw, dh, dw, top, bottom, left, right in shapes:
        window = {"SAMPLES": samples, "CHANNELS": 2, "KH": kh, "KW": kw, "SW": sw, "DW": dw}
        border = {"TOP": top, "BOTTOM": bottom, "LEFT": left, "RIGHT": right, "VALUE": -1}
        width = (3 if samples < 4 else 1) * max(samples * sw, 8)
        for columns in (width, width + 1, width + samples):
            whole = window | border | {"H": height, "W": columns, "SH": sh, "DH": dh}
            yield "parallel_window", whole
            ahead, words = lag(whole), -(-columns // (samples * sw))
            if height == 1 and 0 < ahead < words:
                yield "look_ahead", {"WORDS": words, "LANES": 2 * samples * sw, "AHEAD": ahead}
                yield "line_window", whole
        yield "parallel_depthwise", window | {"WORDS": 3}
        yield "parallel_max_pool", window | {"WORDS": 3}
    for kw, (simd, pe) in product((1, 3), product((1, 2, 6), (1, 2, 4))):
        if 2 * kw % simd == 0:
            window = {"SAMPLES": samples, "CHANNELS": 2, "KH": 1, "KW": kw, "SW": 1, "DW": 1}
            yield "parallel_dense", window | {"SIMD": simd, "PE": pe, "OUT": 4, "WORDS": 3}


def windows() -> Iterator[tuple[str, dict[str, int]]]:
    """One- and two-dimensional windows: strides beyond the kernel, dilation, kernel = image, leftover rows."""
    flat = product(((1, 1), (1, 9), (7, 1)), ((1, 1), (1, 3), (3, 1)), (1, 2), (1, 2))
    square = product(((5, 5), (7, 4), (6, 8)), ((1, 1), (2, 2), (3, 2), (3, 3)), (1, 2, 4), (1, 2))
    for (height, width), (kh, kw), stride, dilation in [*flat, *square]:
        if (kh - 1) * dilation < height and (kw - 1) * dilation < width:
            shape = {"H": height, "W": width, "CHANNELS": 4, "LANES": 4 // min(stride, 2), "KH": kh, "KW": kw}
            size = shape | {"SH": stride, "SW": stride, "DH": dilation, "DW": dilation}
            yield from (("sliding_window", size | {"IMAGES": images}) for images in (1, 3))


def types_of(name: str) -> tuple[tuple[str, IntType], ...]:
    template = CATALOGUE[name]
    return tuple((elem, WORD) for elem in template.types if elem not in template.optional)


PROCESSES = [
    Process(f"case{i}", name, tuple(constants.items()), types_of(name), (), ())
    for i, (name, constants) in enumerate(configurations())
]


def shapes_of(array: ArrayOf, constants: Constants) -> list[list[int]]:
    """The arrays that the C++ has for one of a record, with a value in each element."""
    rows, *further = array.shape(constants)
    if array.layout == "stages":
        return [[rows, *further[:-1], 1 << stage] for stage in range(further[-1].bit_length())]
    return [[rows, *([prod(further)] if array.layout == "rows" else further)]]


def statements(process: Process) -> str:
    """A C++ function that runs two frames of ``process`` with recorded streams."""
    lines = [f"namespace {process.name} {{", "struct cfg {"]
    lines += [f"  static const int {', '.join(f'{key} = {value}' for key, value in process.constants)};"]
    lines += [f"  typedef {kind} {key};" for key, kind in process.types] + ["};", "static void run() {"]
    arguments = []
    template, constants = CATALOGUE[process.template], numbers(process)
    for port, stream in enumerate((*template.reads, *template.writes)):
        word = f"isobit::lanes<cfg::{stream.elem}, {stream.lanes(constants) if stream.elem != 'flag' else 1}>"
        word = {"flag": "ap_uint<1>", "axis": "ap_axiu<cfg::WORD, 0, 0, 0>"}.get(stream.elem, word)
        lines.append(f"  hls::stream<{word} > port{port}({port});")
        arguments.append(f"port{port}")
    shapes = [(a, s) for a in template.arrays if a.elem not in template.optional for s in shapes_of(a, constants)]
    for number, (array, sizes) in enumerate(shapes):
        shape = "".join(f"[{n}]" for n in sizes)
        lines.append(f"  static const isobit::rom_of<cfg::{array.elem}>::type array{number}{shape} = {{}};")
        arguments.append(f"array{number}")
    call = f"  isobit::{process.template}<cfg>({', '.join(arguments)});"
    lines += [f'  trace::begin("{process.name}");', call, call]
    return "\n".join([*lines, "  trace::end();", "}", "}"])


Recording = tuple[int, list[tuple[int, int]]]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    """For every case its iterations and its ``(port, iteration)`` in the order of execution, over two frames.

    The second frame begins with what the first one leaves.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed")
    folder = tmp_path_factory.mktemp("schedules")
    (folder / "isobit").mkdir()
    for header in (templates.root() / "hls" / "isobit").glob("*.hpp"):
        text, _ = kept(header.read_text(encoding="utf-8"))
        counting = text.replace("#pragma HLS PIPELINE II=1 style=flp rewind", "trace::next_iteration();")
        (folder / "isobit" / header.name).write_text(counting, encoding="utf-8")
    includes = [f'#include "isobit/{name}.hpp"' for name in sorted({t.header for t in CATALOGUE.values()})]
    calls = ["int main() {", *[f"  {p.name}::run();" for p in PROCESSES], "}"]
    lines = ['#include "hls_stream.h"', *includes, *map(statements, PROCESSES), *calls]
    (folder / "main.cpp").write_text("\n".join(lines), encoding="utf-8")
    sim = templates.root() / "sim"
    flags = [f"-I{f}" for f in (folder, HERE / "traced", sim / "common", sim / "native")]
    command = [compiler, "-std=c++14", "-O0", "-w", *flags, str(folder / "main.cpp"), "-o", str(folder / "main")]
    subprocess.run(command, check=True)
    return parse(subprocess.run([str(folder / "main")], check=True, capture_output=True, text=True).stdout)


def parse(text: str) -> dict[str, Recording]:
    found: dict[str, Recording] = {}
    operations: list[tuple[int, int]] = []
    name = ""
    for first, second in (line.split() for line in text.splitlines()):
        if first == "case":
            name, operations = second, []
        elif first == "trip":
            found[name] = (int(second), operations)
        else:
            operations.append((int(first), int(second)))
    return found


def declared(schedule: Schedule) -> list[tuple[int, int]]:
    """``(port, iteration)`` in the declared order."""
    ports = [*schedule.reads, *schedule.writes]
    moves = [(int(t), phase, port) for port, phase in enumerate(schedule.phases) for t in ports[port]]
    return [(port, t) for t, _, port in sorted(moves)]


@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: f"{p.name}-{p.template}")
def test_the_template_keeps_its_schedule(process: Process, recordings: dict[str, Recording]) -> None:
    schedule = schedule_of(process)
    trip, operations = recordings[process.name]
    once = declared(schedule)
    assert trip == 2 * schedule.trip
    assert operations == once + [(port, schedule.trip + t) for port, t in once]


def test_every_template_has_a_case_and_its_record_names_what_it_takes() -> None:
    assert {p.template for p in PROCESSES} == set(CATALOGUE)
    for process in PROCESSES:
        template = CATALOGUE[process.template]
        given = {name for name, _ in process.constants}
        assert set(template.constants) - set(template.optional) <= given <= set(template.constants), process


def test_a_port_moves_at_most_one_word_an_iteration_in_order() -> None:
    for process in PROCESSES:
        schedule = schedule_of(process)
        for port in (*schedule.reads, *schedule.writes):
            assert np.all(np.diff(port) > 0)
