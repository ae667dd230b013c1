"""The catalogue's records: names, files, latencies and costs, all of one template in one place."""

from __future__ import annotations

import pytest

from isobit import templates
from isobit.backends.dataflow.catalogue import CATALOGUE, IMPLEMENTATIONS, cost_of
from isobit.backends.dataflow.catalogue.cost import width_converter
from isobit.hardware import Cost, fitted, load_board, ram
from isobit.hardware.memory import kept
from tests.backends.dataflow.test_schedules import configurations

BOARD = load_board("pynq-z1")
SMALL = dict(configurations())
MOVERS = sorted(name for name, record in CATALOGUE.items() if record.cost is None and not record.candidate)


def test_every_record_has_its_name_its_header_and_a_small_configuration() -> None:
    headers = {path.stem for path in (templates.root() / "hls" / "isobit").glob("*.hpp")}
    assert {record.header for record in CATALOGUE.values()} <= headers
    assert all(name == record.name for name, record in CATALOGUE.items())
    assert SMALL.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_schedule_has_the_latency_of_its_record(name: str) -> None:
    record, constants = CATALOGUE[name], SMALL[name]
    timed, bare = record.timed(constants), record.schedule(constants)
    assert timed.latency == record.latency(constants) > 0
    assert (timed.trip, timed.phases) == (bare.trip, bare.phases)


def test_only_wires_and_registers_cost_nothing() -> None:
    assert MOVERS == [
        "fork", "fork_flag", "line_window", "look_ahead", "read_frame", "read_further_frame", "width_converter",
        "write_frame",
    ]  # fmt: skip
    assert all(cost_of(name) == Cost() for name in MOVERS)


def test_every_plan_has_a_name_that_one_record_makes() -> None:
    makers = {name for name, record in IMPLEMENTATIONS.items() if record.make}
    assert makers >= {"dense", "convolution", "depthwise", "select", "add", "pad", "reorder", "lookup", "thresholds"}
    names = [name for record in CATALOGUE.values() for name in (record.name, *record.also)]
    assert len(set(names)) == len(names)


def test_every_record_has_a_module_with_the_names_of_its_ports() -> None:
    for record in CATALOGUE.values():
        source = (templates.root() / "rtl" / f"isobit_{record.rtl.file}.sv").read_text(encoding="utf-8")
        assert f"module isobit_{record.name} " in source
        assert len(record.rtl.inputs) == len(record.reads) and len(record.rtl.outputs) == len(record.writes)
        assert len(record.rtl.arrays) == len(record.arrays)
        for port in (*record.rtl.inputs, *record.rtl.outputs):
            assert f"{port}_data" in source


def test_a_width_converter_costs_by_the_bits_that_it_shifts() -> None:
    def cost(row: int, come: int, leave: int, bits: int) -> int:
        return width_converter({"ROW": row, "IN_LANES": come, "OUT_LANES": leave}, bits).lut

    assert cost(5, 5, 8, 16) == 0  # a word a row on either side
    assert cost(24, 4, 12, 8) < cost(24, 12, 4, 8) < cost(24, 8, 12, 8) < cost(61, 8, 12, 8)
    assert cost(61, 8, 4, 8) == fitted.fabric("row_converter", unit=1, word=64 + 32).lut
    assert cost(13, 3, 4, 8) == fitted.fabric("row_converter", unit=1, word=3 * 48 + 32).lut


def test_what_moves_words_costs_by_the_word_and_what_keeps_them_a_memory_more() -> None:
    assert cost_of("concat", 4, 3, 5).lut < cost_of("concat", 400, 3, 5).lut
    assert cost_of("reorder", 4, 3, 5, 4096, 8).bram36 == kept(4096, 12).bram36 > 0
    assert cost_of("sliding_window", 4096, 72, BOARD).bram36 == ram(4096, 72, BOARD).bram36 > 0
    assert cost_of("dense", 1, 1, 1, 1, 1, 8, "DSP48E1") == cost_of("parallel_depthwise", 1, 1, 1, 1, 1, 8, "DSP48E1")
