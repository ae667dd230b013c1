"""The tables of benchmarks/savings.py: what is switched off is really off, and comes back as it was."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from backends.dataflow.sampled_nets import Net, cnv

sys.path[:0] = [str(Path(__file__).parents[2] / "benchmarks")]
from savings import TABLES, State, figures, measured  # noqa: E402

from isobit.backends.dataflow.planner import PlanRequest, plan_for  # noqa: E402
from isobit.backends.dataflow.whole import whole_design  # noqa: E402
from isobit.hardware import load_board  # noqa: E402
from isobit.ir import Graph  # noqa: E402


def state_of(graph: Graph) -> State:
    """A graph at the rate of its default plan."""
    board = load_board("zcu104")
    plan = plan_for(graph, board, PlanRequest(), whole_design)
    return State("net", graph, board, plan.clocks, plan)


def test_loops_that_drain_make_the_demo_slower_and_nothing_else(tmp_path: Path) -> None:
    state = measured("demo@pynq-z1@8", tmp_path, "pynq-z1")
    now, before = figures(state.planned()), TABLES["frames"](state)
    assert now[0] == "8" and int(before[0]) > 16 and before[1:] == now[1:]
    assert TABLES["bits"](state) == []
    assert TABLES["constants"](state)[1:3] != now[1:3]  # the first layer is additions at this rate


def test_words_that_wait_are_more_bits() -> None:
    net = Net(8, 8, 4)
    wide = net.graph(net.relu(net.conv(net.relu(net.conv(net.head, 8, (3, 3))), 8, (3, 3))))
    state = state_of(wide)
    waiting, now = TABLES["queues"](state), figures(state.planned())
    assert waiting[0] == now[0] and int(waiting[4].replace(",", "")) > int(now[4].replace(",", ""))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_keeps_the_rate(name: str) -> None:
    state = state_of(cnv())
    before = TABLES[name](state)
    assert before == [] or name == "frames" or int(before[0].replace(",", "")) <= state.interval
