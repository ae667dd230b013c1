"""The graph's drawing: nothing overlaps, every line runs down from its source to its target."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from isobit.report.layout import BOX_HEIGHT, BOX_WIDTH, layered


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """A directed acyclic graph of up to 12 vertices, keys in topological order."""
    count = draw(st.integers(1, 12))
    return {
        f"v{i}": [f"v{j}" for j in draw(st.lists(st.integers(0, i - 1), max_size=3))] if i else [] for i in range(count)
    }


@given(graphs())
def test_boxes_do_not_overlap_and_lie_inside(graph: dict[str, list[str]]) -> None:
    drawing = layered(graph)
    assert set(drawing.boxes) == set(graph)
    for (ax, ay), (bx, by) in combinations(drawing.boxes.values(), 2):
        assert abs(ax - bx) >= BOX_WIDTH or abs(ay - by) >= BOX_HEIGHT
    for x, y in drawing.boxes.values():
        assert 0 <= x <= drawing.width - BOX_WIDTH and 0 <= y <= drawing.height - BOX_HEIGHT


@given(graphs())
def test_lines_run_down_from_source_to_target_past_all_other_boxes(graph: dict[str, list[str]]) -> None:
    drawing = layered(graph)
    assert {(e.source, e.target) for e in drawing.lines} == {(s, t) for t, sources in graph.items() for s in sources}
    for line in drawing.lines:
        (sx, sy), (tx, ty) = drawing.boxes[line.source], drawing.boxes[line.target]
        assert line.points[0] == (sx + BOX_WIDTH / 2, sy + BOX_HEIGHT)
        assert line.points[-1] == (tx + BOX_WIDTH / 2, ty)
        assert all(a[1] < b[1] for a, b in zip(line.points, line.points[1:], strict=False))
        for name, (x, y) in drawing.boxes.items():
            inside = [p for p in line.points[1:-1] if x <= p[0] <= x + BOX_WIDTH and y <= p[1] <= y + BOX_HEIGHT]
            assert not inside, name


def test_a_chain_is_straight_and_a_diamond_is_symmetric() -> None:
    chain = layered({"a": [], "b": ["a"], "c": ["b"]})
    assert len({x for x, _ in chain.boxes.values()}) == 1
    diamond = layered({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}).boxes
    assert diamond["a"][0] == diamond["d"][0] == (diamond["b"][0] + diamond["c"][0]) / 2


@given(graphs())
def test_the_drawing_depends_on_the_graph_only(graph: dict[str, list[str]]) -> None:
    assert layered(graph) == layered(dict(graph))
