"""Three spatial axes: built where two do, exactly, and refused with the node's name where they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from backends.dataflow.sampled_nets import BOARD, Net, built

from isobit.backends.dataflow.geometry import border, geometry
from isobit.backends.dataflow.planner import PlanRequest, plan_for
from isobit.check.csim.bounded import bounded_csim
from isobit.check.csim.run import csim
from isobit.errors import IsobitError
from isobit.ir import Graph
from isobit.ir.ops import MaxPool, Pad
from isobit.passes import optimise


def volume() -> Graph:
    """Borders, convolutions and pools along one or two axes of three, and movements of all."""
    net = Net(4, 4, 6, 2)
    along = net.relu(net.conv(net.head, 3, (1, 1, 3)))
    across = net.relu(net.conv(along, 3, (3, 1, 1)))
    x = net.pool(net.relu(net.conv(across, 2, (1, 1, 1), stride=1)), (2, 1, 1))
    return net.graph(net.dense(net.reversed(net.upsample(net.pool(x, (1, 1, 2)), 2)), 3))


@pytest.mark.parametrize("request_", [PlanRequest(), PlanRequest(interval=4000)], ids=["fast", "small"])
def test_what_reduces_to_two_axes_is_built(request_: PlanRequest, tmp_path: Path) -> None:
    build, _ = built(volume(), tmp_path / "build", request_)
    assert csim(build, vectors=20, source=False).equal


def pools() -> Graph:
    """Maxima and sums over boxes, inside a border around all three axes."""
    net = Net(4, 6, 4, 2)
    around = net._add(Pad, (net.head,), before=(1, 1, 1), after=(1, 1, 1))
    return net.graph(net.pool(around, (2, 2, 2)), net.pool(net.head, (2, 2, 1)), net.total(net.head))


def test_maxima_sums_and_borders_over_three_axes_are_built(tmp_path: Path) -> None:
    build, _ = built(optimise(pools()), tmp_path / "build", PlanRequest())
    assert csim(build, vectors=20, source=False).equal
    assert bounded_csim(build, 3).equal


def several_images() -> Graph:
    """Kernels over two neighbouring axes, the third in front of them or behind, and over the outer two."""
    net = Net(3, 5, 4, 2)
    x = net.relu(net.conv(net.head, 3, (1, 3, 3), pad=0))
    y = net.relu(net.conv(net.pool(x, (1, 2, 2), 1), 2, (2, 2, 1), pad=0))
    z = net.relu(net.depthwise(net.conv(net.head, 2, (2, 1, 2), pad=0), (1, 3, 2), pad=0))
    return net.graph(net.dense(y, 3), net.dense(net.pool(z, (1, 2, 2)), 3))


@pytest.mark.parametrize("request_", [PlanRequest(), PlanRequest(interval=4000)], ids=["fast", "small"])
def test_a_kernel_over_two_of_three_axes_is_built(request_: PlanRequest, tmp_path: Path) -> None:
    build, _ = built(several_images(), tmp_path / "build", request_)
    assert csim(build, vectors=20, source=False).equal
    assert bounded_csim(build, 3).equal


@pytest.mark.parametrize(
    ("kernel", "sizes", "kernels"),
    [
        ((1, 1, 2), (8, 6), (1, 2)),
        ((2, 1, 1), (2, 24), (2, 1)),
        ((1, 1, 1), (8, 6), (1, 1)),
        ((2, 2, 1), (2, 24), (2, 2)),
        ((2, 1, 2), (8, 6), (2, 2)),
        ((1, 2, 2), (4, 6), (2, 2)),
    ],
)
def test_axes_without_a_kernel_join_their_neighbours(
    kernel: tuple[int, ...], sizes: tuple[int, int], kernels: tuple[int, int]
) -> None:
    net = Net(2, 4, 6, 1)
    graph = Graph(
        (*net.nodes, MaxPool(name="p", inputs=(net.head,), kernel=kernel, strides=(1, 1, 1), dilations=(1, 1, 1)))
    )
    node = graph.by_name["p"]
    assert isinstance(node, MaxPool)
    g = geometry(graph, node)
    assert ((g.height, g.width), g.kernel) == (sizes, kernels)


@pytest.mark.parametrize("before", [(0, 0, 1), (1, 0, 0), (1, 0, 2), (0, 2, 0), (1, 2, 0)])
def test_a_border_over_two_axes_is_the_one_over_three(before: tuple[int, int, int]) -> None:
    net, after = Net(2, 3, 4, 1), before[::-1] if before[1] else (before[0], 0, before[2])
    graph = Graph((*net.nodes, Pad(name="p", inputs=(net.head,), before=before, after=after, value=-1)))
    node = graph.by_name["p"]
    assert isinstance(node, Pad)
    values = np.arange(24).reshape(2, 3, 4)
    try:
        b = border(graph, node)
    except IsobitError as error:
        assert error.code == "E504" and sum(x + y > 0 for x, y in zip(before, after, strict=True)) > 1
        return
    flat = np.pad(values.reshape(b.height, b.width), ((b.top, b.bottom), (b.left, b.right)), constant_values=-1)
    whole = np.pad(values, tuple(zip(before, after, strict=True)), constant_values=-1)
    assert np.array_equal(flat.reshape(-1), whole.reshape(-1))


def test_a_kernel_over_three_axes_is_refused_by_name() -> None:
    for kernel, stride in (((2, 2, 2), 1), ((2, 1, 2), 2), ((2, 2, 1), 2)):
        net = Net(4, 4, 4, 2)
        conv = net.conv(net.head, 3, kernel, stride=stride, pad=0)
        with pytest.raises(IsobitError, match="three spatial axes") as caught:
            plan_for(optimise(net.graph(conv)), BOARD)
        assert caught.value.code == "E504" and caught.value.where == conv and caught.value.hint
