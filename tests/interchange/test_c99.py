"""The C header's text: names from outside stay in their comment, and nodes' names do not meet."""

from __future__ import annotations

import numpy as np
import pytest

from isobit.interchange.border import outside
from isobit.interchange.c99 import c_header, comment_text
from isobit.interchange.execute_c import c_compiler, run_c
from isobit.interp import run
from isobit.ir import Graph, Node, frozen_ints, verify
from isobit.ir.ops import Const, Input, Linear, Output, Step
from isobit.numerics import MultiplyShift


def same(graph: Graph, name: str = "net") -> None:
    given = {"x": np.array([[1, 2], [3, 0]])}
    found = run_c(graph, c_header(graph, name), name, outside(graph, given), c_compiler())
    wanted = outside(graph, run(graph, given))
    assert found.keys() == wanted.keys() and all(np.array_equal(found[key], wanted[key]) for key in wanted)


def entry(outside: str = "") -> Input:
    return Input(name="x", shape=(2,), lo=frozen_ints(0), hi=frozen_ints(3), outside=outside)


def step(name: str, source: str) -> Step:
    return Step(name=name, inputs=(source,), curves=(MultiplyShift(3, 1, 1, 0, 4),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["*/ int bad;", "*\n int bad; /*", "*\\ int bad;", "*\u00e9 int bad;", "/*", "a??/", "n" * 500]
)
def test_a_name_cannot_leave_its_comment(name: str) -> None:
    text = comment_text(name)
    assert text.isascii() and not {"*/", "/*"} & {text[i : i + 2] for i in range(len(text))}
    same(verify(Graph((entry(name), Output(name="y", inputs=("x",), outside="out")))))


@pytest.mark.parametrize("name", ["net", "in", "out"])
def test_nodes_may_be_called_like_parts_of_the_header(name: str) -> None:
    """A layer like the function, the constant or the argument of another; the header's own name like an argument's."""
    w = Const(name="a_m", value=frozen_ints([[1, 2], [3, 1]]))
    nodes: list[Node] = [entry(), w, Linear(name="do_a", inputs=("x", "a_m")), step("a", "do_a"), step("infer", "a")]
    same(verify(Graph((*nodes, step("order_of_x", "infer"), Output(name="y", inputs=("order_of_x",))))), name)


def test_what_nothing_reads_is_left_out() -> None:
    same(verify(Graph((entry(), step("unread", "x"), step("a", "x"), Output(name="y", inputs=("a",))))))
