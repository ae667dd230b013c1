"""A long line through the package in chunks, on the simulated board: the integers of one frame as long as the line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from backends.dataflow.sampled_nets import Net, peak_detector, radioml

from isobit.flow import import_source
from isobit.interp import run
from isobit.ir import Graph
from isobit.pynq.lines import Reach, line_reach
from tests.pynq.conftest import line_model
from tests.pynq.test_driver import Bench, bench  # noqa: F401 (a fixture)

FRAME, LONG = 44, 230


def of_length(length: int, folder: Path) -> Graph:
    folder.mkdir()
    return import_source(line_model(folder, length))


def whole(graph: Graph, line: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """What the network makes of a line as one frame."""
    (entry,), (exit_,) = graph.inputs, graph.outputs
    return run(graph, {entry.name: line[None]})[exit_.name][0]


def test_a_line_in_chunks_is_the_line_in_one(bench: Bench, tmp_path: Path) -> None:  # noqa: F811
    _, folder, script = bench("line", "kv260")
    line = np.random.default_rng(3).integers(0, 256, (LONG, 1))
    np.save(folder / "line.npy", line)
    said = script(
        "from lines import Line\n"
        "samples, ways = np.load(folder / 'line.npy'), Line(net)\n"
        "for number, cuts in enumerate([[0, 230], [0, 1, 44, 45, 130, 131, 229, 230], list(range(0, 231, 10))]):\n"
        "    parts = [ways.send(samples[a:b]) for a, b in zip(cuts, cuts[1:])] + [ways.end()]\n"
        "    np.save(folder / f'made{number}.npy', np.concatenate(parts))\n"
        "said['fresh'] = ways.fresh\n"
        "ways.send(samples[:43])\n"
        "try:\n"
        "    ways.end()\n"
        "except ValueError as error:\n"
        "    said['short'] = str(error)\n"
    )
    assert 0 < said["fresh"] < FRAME and "at least 44 samples and a multiple of 2, not 43" in str(said["short"])  # type: ignore[operator]
    expected = whole(of_length(LONG, tmp_path / "long"), line)
    for number in range(3):
        assert np.array_equal(np.load(folder / f"made{number}.npy"), expected)


def test_an_output_changes_with_the_samples_of_its_reach_alone(tmp_path: Path) -> None:
    graph = of_length(FRAME, tmp_path / "net")
    reach = line_reach(graph)
    assert reach == Reach(2, 3, 4)
    line = np.random.default_rng(4).integers(0, 256, (FRAME, 1))
    made, seen = whole(graph, line), set()
    for place in range(FRAME):
        other = line.copy()
        other[place] ^= 255
        for changed in np.flatnonzero((whole(graph, other) != made).any(1)):
            offset = place - int(changed) * reach.stride
            assert -reach.left <= offset <= reach.right
            seen.add(offset)
    assert {-reach.left, reach.right} <= seen


@pytest.mark.parametrize("graph", [radioml(), Net(8, 8, 1).graph("v0")])
def test_what_is_no_line_has_no_reach(graph: Graph) -> None:
    assert line_reach(graph) is None
    assert line_reach(peak_detector()) == Reach(1, 8, 8)
