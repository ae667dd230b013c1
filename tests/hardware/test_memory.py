"""Where memories lie: the rule, the choice of the user, the cost, the pragmas, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isobit.backends.dataflow import lower, size_fifos
from isobit.backends.dataflow.planner import LayerChoice, PlanRequest, plan_for, print_plan, read_plan
from isobit.backends.dataflow.writer import render
from isobit.errors import IsobitError
from isobit.hardware import Board, Cost, fifo_storage, kept_memory, load_board, ram, ram_memory, rom_memory
from isobit.hardware.memory import halves, kept, rom
from isobit.hardware.resources import LUTS_PER_BRAM, LUTS_PER_URAM
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.ops import Const, Input, Linear, Output

PYNQ, KRIA = load_board("pynq-z1"), load_board("kv260")
SIZES = [(d, w) for d in (2, 33, 64, 65, 300, 512, 1000, 4096, 5000, 70_000) for w in (1, 8, 18, 36, 72, 73, 600)]


def convolution(size: int = 12, channels: int = 8) -> Graph:
    rng = np.random.default_rng(size)
    return verify(
        Graph((
            Input(name="x", shape=(size, size, channels), lo=frozen_ints(0), hi=frozen_ints(255)),
            Const(name="w", value=frozen_ints(rng.integers(-7, 8, (16, 3, 3, channels)))),
            Linear(name="conv", inputs=("x", "w"), strides=(1, 1), dilations=(1, 1)),
            Output(name="y", inputs=("conv",)),
        ))
    )  # fmt: skip


def planned(choice: LayerChoice, board: Board = PYNQ, graph: Graph | None = None, interval: int = 1 << 20) -> str:
    """The generated top function of a convolution with ``choice``."""
    graph = graph or convolution()
    plan = plan_for(graph, board, PlanRequest(interval=interval, layers={"conv": choice}))
    return render(size_fifos(lower(graph, plan)), board, "test")["top.cpp"]


@pytest.mark.parametrize(("depth", "width"), SIZES)
def test_a_memory_goes_where_its_price_is_least(depth: int, width: int) -> None:
    luts = {"rom": -(-depth // 64) * width, "ram": -(-depth // 32) * width}
    large = -(-width // 72) * -(-depth // 4096)
    prices = {"lutram": luts["rom"], "bram": LUTS_PER_BRAM // 2 * halves(depth, width, False)}
    assert prices[rom_memory(depth, width)] == min(prices.values()) == rom(depth, width).weight
    prices = {"lutram": luts["ram"], "bram": LUTS_PER_BRAM // 2 * halves(depth, width, True)}
    assert prices[ram_memory(depth, width, PYNQ)] == min(prices.values()) == ram(depth, width, PYNQ).weight
    assert prices[kept_memory(depth, width)] == min(prices.values()) == kept(depth, width).weight
    prices["uram"] = LUTS_PER_URAM * large
    assert prices[ram_memory(depth, width, KRIA)] == min(prices.values()) == ram(depth, width, KRIA).weight


def test_every_kind_of_memory_is_the_cheapest_of_some() -> None:
    assert [ram_memory(d, 72, KRIA) for d in (32, 512, 4096)] == ["lutram", "bram", "uram"]
    assert [fifo_storage(d, 72, KRIA) for d in (32, 512, 4096)] == ["srl", "bram", "uram"]
    assert [ram_memory(d, 72, PYNQ) for d in (32, 512, 4096)] == ["lutram", "bram", "bram"]
    assert [rom_memory(d, 72) for d in (1, 64, 4096)] == ["auto", "lutram", "bram"]
    assert ram(4096, 72, KRIA) == Cost(uram=1) and ram(4097, 73, KRIA, "uram") == Cost(uram=4)


@pytest.mark.parametrize(
    ("depth", "width", "constant", "written"),
    [
        (1100, 10, 1, 2), (1500, 20, 2, 3), (1500, 40, 4, 4), (1500, 96, 8, 9), (3000, 20, 4, 5), (3000, 40, 7, 8),
        (5000, 10, 3, 5), (5000, 48, 14, 15), (8000, 24, 11, 12), (20000, 8, 9, 10),
    ],
)  # fmt: skip
def test_block_rams_are_those_that_yosys_makes(depth: int, width: int, constant: int, written: int) -> None:
    """As ``synth_xilinx`` mapped such memories by themselves (docs/cost.md)."""
    assert (halves(depth, width, False), halves(depth, width, True)) == (constant, written)


def test_half_a_block_ram_is_counted_and_shown_as_one() -> None:
    assert [Cost(bram18=n).bram36 for n in (0, 1, 2, 3)] == [0, 0.5, 1, 1.5]
    assert str(Cost(bram18=4).bram36) == "2" and Cost(bram18=281).excess(PYNQ) == "140.5 of 140 BRAM36"
    assert rom(512, 36, "bram") == Cost(bram18=1) and rom(512, 72, "bram") == rom(1024, 36, "bram") == Cost(bram18=2)


def test_a_ultraram_counts_against_the_board() -> None:
    assert Cost(uram=64).fits(KRIA) and not Cost(uram=65).fits(KRIA) and not Cost(uram=1).fits(PYNQ)
    assert Cost(lut=60_000, uram=2).excess(PYNQ) == "60000 of 53200 LUT, 2 of 0 URAM"


@pytest.mark.parametrize("memory", ["lutram", "bram"])
def test_the_weights_lie_where_the_user_wants_them(memory: str) -> None:
    top = planned(LayerChoice(pe=1, simd=1, memory=memory))  # type: ignore[arg-type]
    assert f"#pragma HLS BIND_STORAGE variable=conv_weights type=rom_1p impl={memory}\n" in top


def test_the_rule_puts_deep_weights_into_block_ram_and_leaves_one_row_to_the_logic() -> None:
    deep = planned(LayerChoice(pe=1, simd=1), graph=convolution(3, 64))
    assert "variable=conv_weights type=rom_1p impl=bram" in deep
    whole = planned(LayerChoice(pe=16, simd=8), graph=convolution(3, 8), interval=40)
    assert "variable=conv_weights type=rom_1p impl=lutram" in whole
    assert "variable=conv_weights" not in planned(LayerChoice(pe=16, simd=1), graph=Graph(dense()))


def dense() -> tuple[Input | Const | Linear | Output, ...]:
    weights = frozen_ints(np.arange(16).reshape(16, 1))
    return (
        Input(name="x", shape=(1,), lo=frozen_ints(0), hi=frozen_ints(255)), Const(name="w", value=weights),
        Linear(name="conv", inputs=("x", "w")), Output(name="y", inputs=("conv",)),
    )  # fmt: skip


@pytest.mark.parametrize("memory", ["lutram", "bram", "uram"])
def test_the_line_buffer_lies_where_the_user_wants_it(memory: str) -> None:
    top = planned(LayerChoice(pe=1, simd=1, line_buffer=memory), KRIA)  # type: ignore[arg-type]
    assert f"isobit::sliding_window<cfg_conv_window, isobit::{memory.upper()}>(" in top


def test_the_cost_follows_the_memory() -> None:
    graph = convolution(4, 64)

    def cost(choice: LayerChoice) -> Cost:
        return plan_for(graph, KRIA, PlanRequest(interval=1 << 20, layers={"conv": choice})).cost

    free = cost(LayerChoice(pe=1, simd=1))
    in_luts, lines = cost(LayerChoice(1, 1, memory="lutram")), cost(LayerChoice(1, 1, line_buffer="uram"))
    assert (free.bram36, in_luts.bram36) == (2, 1) and in_luts.lut > free.lut + 9216 // 64 * 2
    assert (lines.uram, lines.bram36) == (1, 1.5) and lines.lut == free.lut


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (LayerChoice(memory="uram"), "weights cannot lie in UltraRAM"),
        (LayerChoice(line_buffer="uram"), "Digilent PYNQ-Z1 has no UltraRAM"),
    ],
)
def test_what_the_hardware_cannot_do_is_refused(choice: LayerChoice, message: str) -> None:
    with pytest.raises(IsobitError, match=message) as caught:
        planned(choice)
    assert (caught.value.code, caught.value.where) == ("E505", "conv")


def test_a_memory_that_a_node_does_not_have_is_refused() -> None:
    with pytest.raises(IsobitError, match=r"line_buffer = bram, but it has none") as caught:
        planned(LayerChoice(line_buffer="bram"), graph=Graph(dense()))
    assert caught.value.code == "E505"


def test_the_plan_file_carries_the_memories(tmp_path: Path) -> None:
    choice = LayerChoice(1, 1, memory="lutram", line_buffer="uram")
    plan = plan_for(convolution(), KRIA, PlanRequest(interval=1 << 20, layers={"conv": choice}))
    path = tmp_path / "plan.toml"
    path.write_text(print_plan(plan), encoding="utf-8")
    assert 'memory = "lutram"\nline_buffer = "uram"\n' in path.read_text(encoding="utf-8")
    again = read_plan(path)
    assert plan_for(convolution(), KRIA, PlanRequest(layers=again.layers)).layers == plan.layers


def test_an_unknown_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('[layers.conv]\nmemory = "flash"\n', encoding="utf-8")
    with pytest.raises(IsobitError, match=r"layers\.conv\.memory") as caught:
        read_plan(path)
    assert caught.value.code == "E503"
