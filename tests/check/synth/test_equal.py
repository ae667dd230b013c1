"""A mapped netlist beside its RTL: what is equal, differs, or says nothing; Yosys itself behind the slow marker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import isobit
from isobit.backends.dataflow.catalogue import CATALOGUE, numbers
from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.planner import PlanRequest
from isobit.backends.dataflow.rtl import PART, Part, parts_of, rtl_design
from isobit.backends.ports import IntType
from isobit.build.folder import Build
from isobit.check.csim.clocks import design_of
from isobit.check.synth import equal, kept
from isobit.check.synth.equal import PartVerdict, demand_equal, verify_mapping, verify_parts
from isobit.check.synth.mapping import NETLIST, VERILOG, counts_key
from isobit.check.synth.parts import asked_parts
from isobit.check.synth.yosys import Yosys, find_yosys
from isobit.errors import CheckFailed, IsobitError
from isobit.hardware import Board, load_board
from isobit.hardware.memory import Memory
from isobit.ir.ops import Linear
from tests.backends.dataflow import sampled_nets
from tests.backends.dataflow.test_packed import compiled, matrix
from tests.backends.dataflow.test_streamed_weights import GRAPHS
from tests.check.cosim.test_cosim import EVERY_UNIT, PRODUCTS, SAMPLED, dense, needs_verilator
from tests.check.synth.test_synth import needs_yosys
from tests.models.random_nets import random_network
from tests.onnx_builder import save


@pytest.fixture(autouse=True)
def own_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts of the test's own; what Verilator needs is compiled once for all."""
    monkeypatch.setattr(kept, "_path", lambda key: tmp_path / "results" / f"{key}.json")


@dataclass(frozen=True)
class Stand:
    """A small design and one of its FIFOs."""

    build: Build
    design: Design
    fifo: Part


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    build = dense(tmp_path)
    design = rtl_design(design_of(build))
    parts = parts_of(design, build.manifest.board)
    return Stand(build, design, next(p for p in parts if p.template == "fifo" and p.ports[0].bits > 8))


def netlist_of(change: Callable[[str], str]) -> Callable[..., dict[str, str]]:
    """A synthesis whose netlist is the FIFO's own text under another name, changed."""

    def mapped(_: Yosys, batch: Mapping[str, Part], board: Board, timeout: float, folder: Path, *, verilog: bool = False) -> dict[str, str]:  # fmt: skip  # noqa: E501
        names, text = {}, ""
        for number, (key, part) in enumerate(batch.items()):
            names[key] = f"mapped_{number}"
            own = "".join(part.named(names[key]).values())
            text += own.replace("isobit_fifo", "mapped_fifo")
        (folder / VERILOG).write_text(change(text))
        (folder / NETLIST).write_text(json.dumps({"modules": {name: {"cells": {}} for name in names.values()}}))
        return names

    return mapped


def verdict(stand: Stand, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str]) -> PartVerdict:
    monkeypatch.setattr(equal, "mapped", netlist_of(change))
    monkeypatch.setattr(equal, "find_yosys", lambda: Yosys(("none",), "1"))
    monkeypatch.setattr(Yosys, "cells", lambda _: "module no_cell; endmodule\n")
    return verify_parts(stand.design, (stand.fifo,), stand.build.manifest.board)[0]


@needs_verilator
def test_the_same_module_twice_is_equal_and_kept(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    first = verdict(stand, monkeypatch, lambda text: text)
    assert first.equal and first.words > 1000 and first.clocks == equal.LEAST
    demand_equal((first,))
    monkeypatch.setattr(equal, "_compared", None)
    assert verdict(stand, monkeypatch, lambda text: text) == first


@needs_verilator
def test_a_bit_that_differs_is_named(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A netlist whose lowest bit is inverted."""
    found = verdict(stand, monkeypatch, lambda text: text.replace("words, in_data}", "words, in_data ^ WIDTH'(1)}"))
    assert not found.equal and found.problem.startswith("out differs in clock ")
    with pytest.raises(CheckFailed, match=r"E623.*out differs"):
        demand_equal((found,))


def test_nothing_seen_is_nothing_shown() -> None:
    with pytest.raises(CheckFailed, match=r"E623.*no word left"):
        demand_equal((PartVerdict("a", "argmax", "n", 4000, 0),))


def test_without_a_simulator(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equal, "find_yosys", lambda: Yosys(("none",), "1"))

    def none() -> None:
        raise IsobitError("E614", "none")

    monkeypatch.setattr(equal, "find_verilator", none)
    with pytest.raises(IsobitError, match="E614"):
        verify_parts(stand.design, (stand.fifo,), stand.build.manifest.board)


@needs_yosys
@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("board", ["pynq-z1", "kv260"])
def test_the_netlist_of_a_block_memory(board: str, stand: Stand) -> None:
    """Its model is ours: a FIFO that lies in block RAM, filled and emptied."""
    stream = replace(stand.design.streams[0], depth=1000, elem=IntType(20, False), lanes=1)
    design = replace(stand.design, streams=(stream, *stand.design.streams[1:]))
    part = next(p for p in parts_of(design, load_board(board)) if p.name == stream.name)
    assert '"block"' in part.texts[f"{PART}.sv"]
    (found,) = verify_parts(design, (part,), load_board(board))
    demand_equal((found,))


@needs_yosys
@needs_verilator
@pytest.mark.slow
def test_the_netlist_of_ultra_ram(stand: Stand) -> None:
    """Its model is ours, too: a FIFO that lies in two of them, side by side."""
    board = load_board("kv260")
    stream = replace(stand.design.streams[0], depth=3000, elem=IntType(20, False), lanes=5)
    design = replace(stand.design, streams=(stream, *stand.design.streams[1:]))
    part = next(p for p in parts_of(design, board) if p.name == stream.name)
    assert '"ultra"' in part.texts[f"{PART}.sv"]
    (found,) = verify_parts(design, (part,), board)
    demand_equal((found,))
    counts = kept.kept(counts_key(find_yosys(), part, board))
    assert counts is not None and counts.uram == 2


@needs_yosys
@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("board", ["pynq-z1", "kv260"])
@pytest.mark.parametrize("bits", [4, 8])
def test_the_netlist_of_what_dsp_blocks_hold(board: str, bits: int, tmp_path: Path) -> None:
    """Chains of packed products, and a requantizer: sums and registers are inside, and the words are the same."""
    build, layer = compiled(matrix(tmp_path, bits), board, 'pe = 3\nsimd = 6\nmultiplier = "packed"')
    demand_equal(verify_mapping(build))
    (unit,) = asked_parts(build, layer)[1]
    found = kept.kept(counts_key(find_yosys(), unit, load_board(board)))
    assert found is not None and found.dsp == 2 * 6  # a pair of outputs and one without a partner


def deep(folder: Path, board: Board, inputs: int, pe: int, storage: Memory = "lutram") -> tuple[Design, Part]:
    """A dense unit of 4 outputs that takes so many inputs one by one, its weights in ``storage``."""
    folder.mkdir(exist_ok=True)
    design = rtl_design(design_of(dense(folder)))
    process = next(p for p in design.processes if p.template == "dense")
    c = numbers(process) | {"IN": inputs, "OUT": 4, "SIMD": 1, "PE": pe, "VECTORS": 1}
    lo, hi = dict(process.types)["weight_t"].interval
    weights = np.random.default_rng(0).integers(lo, hi, size=(4 // pe * inputs, pe, 1), endpoint=True)
    kinds = tuple((name, IntType(20, True) if name == "acc_t" else kind) for name, kind in process.types)
    array = replace(process.arrays[0], values=weights, storage=storage)
    unit = replace(process, constants=tuple(c.items()), types=kinds, arrays=(array,))
    lanes = {process.inputs[0]: (1, kinds[0][1]), process.outputs[0]: (pe, IntType(20, True))}
    streams = tuple(
        replace(s, lanes=lanes[s.name][0], elem=lanes[s.name][1]) if s.name in lanes else s for s in design.streams
    )
    own = replace(design, processes=(unit,), streams=streams)
    return own, next(p for p in parts_of(own, board) if p.name == unit.name)


@needs_yosys
@needs_verilator
@pytest.mark.slow
def test_the_netlist_of_deep_constants_in_luts(tmp_path: Path) -> None:
    """150 rows of weights are three LUTs a bit and what chooses among them, not the gates of their functions."""
    board = load_board("pynq-z1")
    luts = list[int]()
    for storage in ("lutram", "bram"):
        design, part = deep(tmp_path / storage, board, 150, 4, storage)
        demand_equal(verify_parts(design, (part,), board))
        found = kept.kept(counts_key(find_yosys(), part, board))
        assert found is not None
        luts.append(found.lut)
    bits = 4 * dict(design.processes[0].types)["weight_t"].bits
    assert 0 < luts[0] - luts[1] <= (3 + 2) * bits


@needs_yosys
@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("board", ["pynq-z1", "kv260"])
def test_the_netlist_of_a_long_vector(board: str, tmp_path: Path) -> None:
    """Its memory in LUTs has more words than Yosys can build with one port on an UltraScale+ part."""
    design, part = deep(tmp_path, load_board(board), 300, 2)
    demand_equal(verify_parts(design, (part,), load_board(board)))


def smallest(folder: Path) -> dict[str, tuple[Design, Board, Part]]:
    """For every template a small unit of it, from the networks that the simulation's tests run."""
    builds = []
    for seed in EVERY_UNIT:
        model = save(random_network(seed), folder)
        builds.append(
            isobit.compile(model, folder / f"n{seed}", board="zcu104" if seed % 2 else "pynq-z1", max_util=1.0)
        )
    requests = [*((net, PlanRequest(share=1.0, **asked)) for net, asked in SAMPLED)]  # type: ignore[arg-type]
    requests += [(net, PlanRequest(share=1.0, samples=samples)) for net, samples in PRODUCTS]
    small = sampled_nets.peak_detector()
    single = {n.name: LayerChoice(multiplier="single") for n in small.nodes if isinstance(n, Linear)}
    requests.append((lambda: small, PlanRequest(share=1.0, samples=2, layers=single)))
    streamed = PlanRequest(share=1.0, layers={"s": LayerChoice(2, 6)})
    requests.append((lambda: GRAPHS["positions"], streamed))
    for number, (net, request) in enumerate(requests):
        builds.append(sampled_nets.built(net(), folder / f"s{number}", request)[0])
    found: dict[str, tuple[Design, Board, Part]] = {}
    sizes: dict[str, int] = {}
    for build in builds:
        design = rtl_design(design_of(build))
        for part in parts_of(design, build.manifest.board):
            size = sum(
                len(text) for name, text in part.texts.items() if not name.startswith("isobit_") or "part" in name
            )
            size += sum(port.bits for port in part.ports) * 100
            if size < sizes.get(part.template, size + 1):
                found[part.template], sizes[part.template] = (design, build.manifest.board, part), size
    return found


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Design, Board, Part]]:
    return smallest(tmp_path_factory.mktemp("units"))


@needs_yosys
@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("template", ["fifo", *CATALOGUE])
def test_the_netlist_of_every_template(template: str, units: dict[str, tuple[Design, Board, Part]]) -> None:
    if template not in units:
        pytest.skip(f"NOT TESTED: no small network has a {template}")
    design, board, part = units[template]
    (found,) = verify_parts(design, (part,), board)
    demand_equal((found,))
