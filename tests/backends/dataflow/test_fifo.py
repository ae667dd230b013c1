"""FIFO depths against flushing pipelines clock by clock, and against sequential programs that know no clocks."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from backends.dataflow.fifo_designs import ELEM, Chain, completes, depths_of, frame_ends, random_design, residual
from backends.dataflow.fifo_reference import Network as ReferenceNetwork
from backends.dataflow.fifo_reference import ReferenceTiming, reference_least

from isobit.backends.dataflow.fifo import SLACK, size_fifos
from isobit.backends.dataflow.least import least_depths
from isobit.backends.dataflow.network import MIN_DEPTH, Network
from isobit.backends.dataflow.pieces import Runs
from isobit.backends.dataflow.timed import Timing, occupancy, timing

FRAMES = 6
BLOCKS = [(4, 4, 2, 1, 1), (5, 3, 2, 2, 1), (3, 6, 4, 2, 2), (1, 9, 3, 1, 3)]


@pytest.mark.parametrize("seed", range(12))
def test_planned_depths_keep_the_interval_and_the_latency(seed: int) -> None:
    sized = size_fifos(random_design(seed))
    ends = frame_ends(sized, depths_of(sized), FRAMES)
    assert ends is not None
    assert ends[0] == sized.latency - 1
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
def test_least_depths_are_free_of_deadlock_at_any_latency(seed: int) -> None:
    sized, rng = size_fifos(random_design(seed), "least"), Random(seed)
    depths = depths_of(sized)
    assert completes(sized, depths)
    for most in (0, 1, 16, 256):
        deeper = {p.name: rng.choice([0, most]) for p in sized.processes}
        assert frame_ends(sized, depths | dict.fromkeys(sized.flags, 1 << 30), 2, deeper) is not None


@pytest.mark.parametrize("seed", range(12))
def test_deeper_pipelines_cost_no_throughput_up_to_the_slack(seed: int) -> None:
    sized, rng = size_fifos(random_design(seed)), Random(seed)
    for _ in range(3):
        deeper = {p.name: rng.randint(0, SLACK) for p in sized.processes}
        ends = frame_ends(sized, depths_of(sized), FRAMES, deeper)
        assert ends is not None
        assert ends[-1] - ends[-2] <= sized.interval


@pytest.mark.parametrize("block", BLOCKS)
def test_least_is_least_beside_a_long_branch(block: tuple[int, ...]) -> None:
    design, around = residual(*block)
    depths = depths_of(size_fifos(design, "least"))
    assert depths[around] > MIN_DEPTH
    assert all(depth == MIN_DEPTH for name, depth in depths.items() if name not in (around, *design.flags))
    assert completes(design, depths)
    assert not completes(design, depths | {around: depths[around] - 1})


@pytest.mark.parametrize("piece", [1 << 15, 5, 1])
@pytest.mark.parametrize("seed", range(12))
def test_a_piece_at_a_time_gives_the_depths_of_whole_arrays(
    seed: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pieces", "least"):
        monkeypatch.setattr(f"isobit.backends.dataflow.{module}.PIECE", piece)
    design = random_design(seed)
    reference = ReferenceTiming(ReferenceNetwork(design))
    found = timing(Network(design))
    steady = reference.steady
    assert found == Timing(reference.interval, reference.latency, reference.depths(), reference.ends, steady)
    assert least_depths(Network(design)) == reference_least(ReferenceNetwork(design))


def test_memory_does_not_grow_with_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight times the rows: a few numbers more for each of them, and none for its words."""
    for module in ("pieces", "least", "fifo"):
        monkeypatch.setattr(f"isobit.backends.dataflow.{module}.PIECE", 1 << 13)
    peaks = []
    for height in (48, 384):
        chain = Chain(height, 16, 32)
        design = chain.design(chain.step(chain.conv(chain.head)))
        tracemalloc.start()
        size_fifos(design)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 384 * 16 * 32 * 9 * 8 // 2  # half of the window's words in 64 bits
    assert peaks[1] < 4 * peaks[0]


def test_runs_are_the_times_they_were_made_of() -> None:
    rng = Random(3)
    for _ in range(50):
        times = np.array(sorted(rng.sample(range(60), rng.randint(1, 30))))
        cut = rng.randint(0, len(times))
        runs = Runs.joined([Runs(times[:cut]), Runs(times[cut:])])
        first = rng.randint(0, len(times) - 1)
        assert np.array_equal(runs.part(first, len(times)), times[first:])
        asked = np.arange(-3, 70)
        assert np.array_equal(runs.before(asked), np.searchsorted(times, asked))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_shallower_bypass_costs_throughput(block: tuple[int, ...]) -> None:
    design, around = residual(*block)
    sized = size_fifos(design)
    depths, least = depths_of(sized), next(s.least for s in sized.streams if s.name == around)
    ends = frame_ends(sized, depths | {around: least}, FRAMES)
    assert ends is not None and ends[-1] - ends[-2] > sized.interval


def test_a_chain_needs_no_depth_for_least_and_little_for_throughput() -> None:
    chain = Chain(4, 4, 2)
    design = chain.design(chain.step(chain.conv(chain.step(chain.head))))
    assert {s.depth for s in size_fifos(design, "least").streams} == {MIN_DEPTH}
    assert sum(s.depth for s in size_fifos(design).streams) < sum(s.words for s in design.streams) // 4


def test_two_sides_that_wait_alike_need_no_depth() -> None:
    chain = Chain(4, 4, 2)
    first, second = chain.fork(chain.head)
    design = chain.design(chain.join(chain.conv(first), chain.conv(second)))
    assert {s.depth for s in size_fifos(design, "least").streams} == {MIN_DEPTH}


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
        assert occupancy(written, np.arange(words), Runs(read), interval) == most


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


@pytest.mark.parametrize("pe", [1, 2, 4])
def test_words_wait_behind_the_requantizer(pe: int) -> None:
    """A row of windows waits for its last pixel: in words of 4 bits, not in sums of 12, at any width of either."""
    chain = Chain(8, 8, 4)
    value = chain.step(chain.step(chain.conv(chain.head, 1, pe)))
    sized = size_fifos(chain.design(chain.conv(value, 3, 1)))
    found = timing(Network(sized)).depths
    waiting = [s.elem for s in sized.streams if found[s.name] > 4]
    assert waiting == ([ELEM] if pe < 4 else [])
