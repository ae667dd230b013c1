"""The catalogue's records: names, files, latencies and costs, all of one template in one place."""

from __future__ import annotations

import pytest

from isobit import templates
from isobit.backends.dataflow.catalogue import CATALOGUE, cost_of
from isobit.backends.dataflow.catalogue.cost import line_buffer
from isobit.hardware import Cost, load_board
from tests.backends.dataflow.test_schedules import configurations

BOARD = load_board("pynq-z1")
SMALL = dict(configurations())
MOVERS = sorted(name for name, record in CATALOGUE.items() if record.cost is None)


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
    assert MOVERS == ["fork", "fork_flag", "read_frame", "read_further_frame", "width_converter", "write_frame"]
    assert all(cost_of(name) == Cost() for name in MOVERS)


def test_what_moves_words_costs_by_the_word_and_what_keeps_them_a_memory_more() -> None:
    assert cost_of("concat", 4, 3, 5) == Cost(lut=4 * 8 * 2 + 40)
    assert cost_of("reorder", 4, 3, 5, 4096, BOARD) == cost_of("slice", 4, 3, 5) + line_buffer(4096, 12, BOARD)
    assert cost_of("sliding_window", 64, 8, BOARD) == line_buffer(64, 8, BOARD)
    assert cost_of("dense", 1, 1, 1, 1, 1, 8, "DSP48E1") == cost_of("parallel_depthwise", 1, 1, 1, 1, 1, 8, "DSP48E1")
