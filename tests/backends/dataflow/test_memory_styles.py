"""Where the RTL says that a unit's own memories lie: where the estimate has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import isobit
from isobit import templates
from isobit.backends.dataflow.catalogue import CATALOGUE, cost, numbers
from isobit.backends.dataflow.design import Array, Process
from isobit.backends.dataflow.latencies import window_ahead
from isobit.backends.dataflow.rtl.memories import kept_words, memory_styles
from isobit.backends.dataflow.rtl.write import parameters_of
from isobit.backends.ports import IntType
from isobit.check.csim.clocks import design_of
from isobit.hardware import Cost, Memory, Prices, load_board, ram
from isobit.hardware.memory import rom
from tests.models.random_nets import random_network

KRIA = load_board("kv260")
WORDS = {"in_t": 8, "elem_t": 8, "weight_t": 4, "b_t": 8, "acc_t": 24}


def process(template: str, constants: dict[str, int], arrays: tuple[Array, ...] = ()) -> Process:
    types = tuple((name, IntType(bits, False)) for name, bits in WORDS.items())
    return Process("p", template, tuple(constants.items()), types, (), (), arrays)


def vector(words: int) -> tuple[Process, Cost]:
    return process("dense", {"IN": words, "OUT": 2, "SIMD": 1, "PE": 1}), cost.input_vector(words, 8, 1, 2)


def matrix(words: int) -> tuple[Process, Cost]:
    sizes = {"IN": words, "OUT": 1, "SIMD": 1, "PE": 1, "VECTORS": 2}
    return process("streamed_dense", sizes), cost.streamed_dense(1, 1, words, 8, 4, 24, "DSP48E2", 2)


def frame(words: int) -> tuple[Process, Cost]:
    return process("reorder", {"IN_WORDS": words, "LANES": 1}), cost.reordered(1, 8, 8, words, 1)


def row(words: int) -> tuple[Process, Cost]:
    sizes = {"W": words, "CHANNELS": 1, "LANES": 1, "FACTOR_H": 2}
    return process("upsample", sizes), cost.stored("upsample")(1, 8, 8, words)


def factors(words: int) -> tuple[Process, Cost]:
    made = process("channel_product", {"CHANNELS": words, "PE": 1})
    return made, cost.multiplied_by_channel(1, 4, 8, words, 8, "DSP48E2")


@pytest.mark.parametrize("unit", [vector, matrix, frame, row, factors])
def test_words_that_are_kept_lie_where_they_are_priced(unit: Callable[[int], tuple[Process, Cost]]) -> None:
    """In LUTs, then in block RAM, and never in UltraRAM, however deep: no attribute asks for it."""
    said = []
    for words in (16, 256, 2048, 1 << 16):
        made, price = unit(words)
        ((_, style),) = memory_styles(made)
        assert (price.bram18 > 0, price.uram) == (style == '"block"', 0)
        said.append(style)
    assert said[0] == '"auto"' and said[-2:] == ['"block"', '"block"'] and '"distributed"' in said


def test_constants_of_steps_lie_where_they_are_priced() -> None:
    for rows in (1, 64, 4096):
        m, c = (Array(name, IntType(9, False), np.full((rows, 1), 300)) for name in ("m", "c"))
        styles = dict(memory_styles(process("multiply_shift", {"CHANNELS": rows, "PE": 1}, (m, c))))
        price = Prices("DSP48E2").multiply_shift(1, rows, 16, 9, 9)
        assert set(styles.values()) == {'"block"' if price.bram18 else '"distributed"' if rows > 32 else '"auto"'}
        table = Array("t", IntType(9, False), np.full((1, 1, rows + 1), 300))
        price = Prices("DSP48E2").lookup(1, 1, rows + 1, 9)
        assert dict(memory_styles(process("lookup", {}, (table,)))) == {
            "TABLE_STYLE": '"block"' if price.bram18 else '"auto"'
        }


def test_every_memory_of_a_module_says_where_it_lies() -> None:
    """Arrays that are read at an address; the cuts of thresholds are read as LUTs alone can be."""
    memory = re.compile(r"^ *(\(\* r[ao]m_style = \w+ \*\))? *logic \[[^]]*\] (words|memory|lines|frame|kept)\[", re.M)
    found = {}
    for source in sorted((templates.root() / "rtl").glob("*.sv")):
        for style, name in memory.findall(source.read_text(encoding="utf-8")):
            found[source.stem.removeprefix("isobit_"), name] = bool(style)
    assert {file for file, _ in found} == {
        "fifo", "kept", "parallel_window", "product", "reorder", "rom", "sliding_window", "upsample",
    } and all(found.values())  # fmt: skip


@pytest.mark.parametrize("board", ["pynq-z1", "kv260"])
@pytest.mark.parametrize("seed", [6, 19, 54])
def test_the_block_rams_of_a_layer_are_those_that_its_modules_ask_for(seed: int, board: str, tmp_path: Path) -> None:
    """Over whole networks with every unit, planned for few LUTs: weights, lines, kept words, constants of steps."""
    build = isobit.compile(random_network(seed), tmp_path / "build", board=board, max_util=0.05, target="hls")
    asked = sum((stated(p) for p in design_of(build).processes), Cost())
    layers = sum((layer.cost.cost for layer in build.manifest.project.layers.values()), Cost())
    assert (asked.bram18, asked.uram) == (layers.bram18, layers.uram)


def stated(made: Process) -> Cost:
    """The block RAMs and UltraRAMs that the parameters of a module ask for."""
    places = {name: text.strip('"') for name, text in parameters_of(made, "DSP48E2")}
    total = Cost()
    for name, depth, width in kept_words(made):
        total += rom(depth, width, "bram") if places[f"{name}_MEMORY"] == "block" else Cost()
    for name, array in zip(CATALOGUE[made.template].rtl.arrays, made.arrays, strict=False):
        if places.get(f"{name}_STYLE") == "block":
            total += rom(len(array.values), array.values[0].size * array.elem.bits, "bram")
    if places.get("MEMORY") in ("block", "ultra"):
        place: Memory = "bram" if places["MEMORY"] == "block" else "uram"
        total += ram(*lines_of(made), KRIA, place)
    return total


def lines_of(made: Process) -> tuple[int, int]:
    """Words of a window's lines, and the bits of each."""
    c, bits = numbers(made), {name: kind.bits for name, kind in made.types}
    above = (c["KH"] - 1) * c["DH"]
    if made.template == "parallel_window":
        return -(-c["W"] // (c["SAMPLES"] * c["SW"])), above * c["SAMPLES"] * c["SW"] * c["CHANNELS"] * bits["in_t"]
    span = above * c["W"] + (c["KW"] - 1) * c["DW"] + 1 + window_ahead(c)
    return span * c["CHANNELS"] // c["LANES"], c["LANES"] * bits["elem_t"]
