"""FIFO depths against stalling pipelines clock by clock, and against blocking reads and writes alone."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from backends.dataflow.fifo_designs import Chain, completes, depths_of, frame_ends, random_design, residual

from isobit.backends.dataflow.fifo import occupancy, size_fifos
from isobit.backends.dataflow.network import MIN_DEPTH, RESTART

FRAMES = 6
BLOCKS = [(4, 4, 2, 1, 1), (5, 3, 2, 2, 1), (3, 6, 4, 2, 2), (1, 9, 3, 1, 3)]


@pytest.mark.parametrize("seed", range(12))
def test_planned_depths_keep_the_interval_and_the_latency(seed: int) -> None:
    sized = size_fifos(random_design(seed))
    ends = frame_ends(sized, depths_of(sized), FRAMES)
    assert ends is not None
    assert ends[0] == sized.latency + RESTART - 1
    assert ends[-1] - ends[-2] == sized.interval
    assert all(later - earlier <= sized.interval for earlier, later in pairwise(ends))


@pytest.mark.parametrize("seed", range(12))
def test_the_interval_is_the_slowest_process(seed: int) -> None:
    design = random_design(seed)
    unbounded = dict.fromkeys(depths_of(size_fifos(design)), 1 << 30)
    ends = frame_ends(design, unbounded, FRAMES)
    assert ends is not None
    assert ends[-1] - ends[-2] == size_fifos(design).interval


@pytest.mark.parametrize("seed", range(12))
def test_least_depths_are_free_of_deadlock(seed: int) -> None:
    design = random_design(seed)
    stalling, flushing = size_fifos(design, "least"), size_fifos(design, "least", flushing=True)
    assert frame_ends(stalling, depths_of(stalling), 3) is not None
    assert completes(flushing, depths_of(flushing))
    assert all(a.depth >= b.depth for a, b in zip(stalling.streams, flushing.streams, strict=True))


@pytest.mark.parametrize("block", BLOCKS)
def test_least_is_least_beside_a_long_branch(block: tuple[int, ...]) -> None:
    design, around = residual(*block)
    depths = depths_of(size_fifos(design, "least", flushing=True))
    assert depths[around] > MIN_DEPTH
    assert all(depth == MIN_DEPTH for name, depth in depths.items() if name not in (around, *design.flags))
    assert completes(design, depths)
    assert not completes(design, depths | {around: depths[around] - 1})


@pytest.mark.parametrize("block", BLOCKS)
def test_a_stalling_pipeline_needs_more_and_exactly_that(block: tuple[int, ...]) -> None:
    design, around = residual(*block)
    depths = depths_of(size_fifos(design, "least"))
    assert frame_ends(design, depths, 3) is not None
    assert frame_ends(design, depths | {around: depths[around] - 1}, 3) is None
    assert depths[around] > depths_of(size_fifos(design, "least", flushing=True))[around]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_shallower_bypass_costs_throughput(block: tuple[int, ...]) -> None:
    design, around = residual(*block)
    sized = size_fifos(design)
    depths = depths_of(sized)
    ends = frame_ends(sized, depths | {around: depths[around] * 3 // 4}, FRAMES)
    assert ends is None or ends[-1] - ends[-2] > sized.interval


def test_a_chain_needs_no_depth_for_least_and_little_for_throughput() -> None:
    chain = Chain(4, 4, 2)
    design = chain.design(chain.step(chain.conv(chain.step(chain.head))))
    assert {s.depth for s in size_fifos(design, "least").streams} == {MIN_DEPTH}
    assert sum(s.depth for s in size_fifos(design).streams) < sum(s.words for s in design.streams) // 4


def test_two_sides_that_wait_alike_need_no_depth() -> None:
    chain = Chain(4, 4, 2)
    first, second = chain.fork(chain.head)
    design = chain.design(chain.join(chain.conv(first), chain.conv(second)))
    assert {s.depth for s in size_fifos(design, "least", flushing=True).streams} == {MIN_DEPTH}


def test_occupancy_counts_what_is_written_and_not_read() -> None:
    rng = Random(0)
    for _ in range(50):
        words, interval = rng.randint(1, 6), 20
        written = np.array(sorted(rng.sample(range(interval), words)))
        delay = rng.randint(1, 50)
        read = np.array(sorted(rng.sample(range(interval), words)))
        read = read + max(delay, int((written - read).max()) + 1)
        writes = sorted(int(w) + f * interval for f in range(9) for w in written)
        reads = sorted(int(r) + f * interval for f in range(9) for r in read)
        most = max(sum(w <= now for w in writes) - sum(r < now for r in reads) for now in range(100, 160))
        assert occupancy(written, read, interval) == most


def test_sizing_is_repeatable_and_ignores_the_depths_it_finds() -> None:
    design, _ = residual(4, 4, 2)
    once = size_fifos(design)
    assert depths_of(size_fifos(once)) == depths_of(once)
    assert depths_of(size_fifos(size_fifos(design, "least"))) == depths_of(once)


@pytest.mark.parametrize("seed", range(4))
def test_the_flags_hold_nothing_up(seed: int) -> None:
    sized = size_fifos(random_design(seed))
    depths = depths_of(sized)
    assert frame_ends(sized, depths, FRAMES) == frame_ends(sized, depths | {sized.flags: 1 << 30}, FRAMES)
