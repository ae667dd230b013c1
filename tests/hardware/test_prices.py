"""The one price model: what the bodies of steps and the coefficients of sums take."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from isobit.hardware import Cost, Prices, fitted, load_board
from isobit.hardware.memory import different_bits, rom
from isobit.hardware.requantizer import multiply_shift_lane, thresholds_lane

DSPS = ("DSP48E1", "DSP48E2")


@pytest.mark.parametrize("dsp", DSPS)
@pytest.mark.parametrize(("curves", "pe"), [(1, 1), (1, 8), (64, 1), (64, 16)])
def test_a_body_is_its_lanes_its_constants_and_its_control(dsp: str, curves: int, pe: int) -> None:
    prices = Prices(dsp)  # type: ignore[arg-type]
    rows = -(-curves // pe)
    lane = min(multiply_shift_lane(18, 3, rows == 1, dsp), key=lambda cost: cost.weight).times(pe)
    words, place = rom(rows, pe * 3) + rom(rows, pe * 12), (rows - 1).bit_length()
    terms = {"unit": 1, "place": place, "ends": pe * 4, "memory": different_bits(rows, words.lut)}
    if not lane.dsp:
        terms |= {"sum": pe * (18 + 3)} | ({"digits": 0} if rows == 1 else {"product": pe * 2 * 18})
    line = fitted.fabric("dsp_line" if lane.dsp else "line", **terms) + Cost(dsp=lane.dsp, bram18=words.bram18)
    assert prices.multiply_shift(pe, curves, 18, 3, 12, clamp=(0, 15)) == line
    stages = (rows, 2 * rows, 4 * rows)
    memory = pe * sum(different_bits(depth, rom(depth, 18, "lutram").lut) for depth in stages)
    lanes = pe * thresholds_lane(18, 7, dsp).lut
    levels = fitted.fabric("thresholds", place=place, lanes=lanes, memory=memory)
    assert prices.thresholds(pe, curves, 18, 7) == levels
    table = rom(256 * max(curves // pe, 1), 4).times(pe)
    tables = fitted.fabric("lookup", unit=1, memory=table.lut, index=pe * 8) + Cost(bram18=table.bram18)
    assert prices.lookup(pe, curves, 256, 4) == tables


def test_a_constant_multiplicand_costs_an_adder_less_than_it_has_signed_digits() -> None:
    costs = [Prices().multiply_shift(2, 1, 16, 5, 10, multiplicands=[m]).lut for m in (16, 31, 17, 21)]
    assert costs[0] < costs[1] == costs[2] < costs[3]


def test_every_end_of_a_clamp_costs() -> None:
    costs = [Prices().multiply_shift(8, 1, 16, 1, 10, clamp=clamp).lut for clamp in ((0, 0), (0, 15), (-8, 7))]
    assert costs[0] < costs[1] < costs[2]


def test_a_rounding_costs_by_the_bits_that_it_looks_at() -> None:
    costs = [Prices().round_shift(2, 1, 16, 1, 10, (0, 15), below).lut for below in (0, 8, 16)]
    assert costs[0] < costs[1] < costs[2]


def test_a_level_more_is_a_comparison_more_only_where_it_is_a_stage_more() -> None:
    costs = [Prices().thresholds(4, 32, 16, levels).lut for levels in range(1, 256)]
    assert len(set(costs)) == 8
    assert all((a < b) == (levels.bit_count() == 1) for levels, (a, b) in enumerate(pairwise(costs), 2))


def test_a_chosen_shift_costs_by_the_bit_and_doubling() -> None:
    one = Prices().multiply_shift(4, 8, 16, 8, 10, {9})
    assert one == Prices().multiply_shift(4, 8, 16, 8, 10)
    sets = ({8, 9}, {7, 8, 9}, {6, 7, 8, 9}, {5, 6, 7, 8, 9})
    costs = [Prices().multiply_shift(4, 8, 16, 8, 10, shifts).lut for shifts in sets]
    assert one.lut < costs[0] < costs[1] == costs[2] < costs[3]


def test_where_dsps_are_dear_luts_multiply() -> None:
    usual, scarce = Prices(), Prices(dearer=(1, 64, 1, 1))
    assert usual.multiply_shift(1, 8, 20, 12, 20).dsp == 1
    assert scarce.multiply_shift(1, 8, 20, 12, 20).dsp == 0
    assert Prices.of(load_board("kv260")).dsp == "DSP48E2"


def test_coefficients_that_are_powers_of_two_are_wiring() -> None:
    assert all(Prices().scaled(4, [(9, [c])]) == Cost() for c in (1, -1, 2, 64, -8))
    assert Prices().scaled(4, [(9, [1, -1, 1])]) == Cost()
    assert Prices().scaled(1, [(9, [6])]) == Prices().scaled(1, [(9, [3])]) != Cost()
    assert Prices().scaled(1, [(9, [3, 5])]).weight > Prices().scaled(1, [(9, [3])]).weight


def test_longer_coefficients_are_never_cheaper() -> None:
    for curves in ([1], [1, 2]):
        weights = [Prices().scaled(1, [(12, [c * ((1 << bits) - 1) for c in curves])]).weight for bits in range(1, 24)]
        assert all(a <= b for a, b in pairwise(weights))


def test_a_sum_is_its_products_and_an_adder_a_lane() -> None:
    plain = Prices().joined(2, [(8, [1]), (8, [1])], 9)
    wires = fitted.fabric("line", digits=0, product=0, memory=0)
    assert plain == wires + fitted.fabric("joined", unit=1, place=0, adders=2 * 9, word=2 * 34)
    scaled = Prices().joined(2, [(8, [5]), (8, [1])], 12)  # 5 is 4 + 1: an adder of ten bits
    own = fitted.fabric("joined", unit=1, place=0, adders=2 * 12, word=2 * 36)
    assert scaled == own + fitted.fabric("line", digits=2 * 10, product=0, memory=0)


def test_the_products_of_a_sum_are_all_in_one_place() -> None:
    """A module says it once; a block takes in what adds them, and their registers."""
    mixed = [(12, [3]), (12, [4001, 2503])]
    assert Prices().scaled(1, mixed[:1]).dsp == 0 and Prices().scaled(1, mixed).dsp == 2
    assert Prices().joined(1, mixed, 25) == fitted.fabric("dsp_line", unit=1, place=1, memory=0) + Cost(dsp=2)


def test_bits_of_a_small_memory_that_differ() -> None:
    """The mean over all memories of so few bits: constants, bits of the place and inverses of others are free."""
    for rows, bits in ((1, 3), (2, 3), (3, 3), (4, 2), (5, 2)):
        free = {0} | {sum((row >> bit & 1) << row for row in range(rows)) for bit in range((rows - 1).bit_length())}
        inverse = (1 << rows) - 1
        found = [
            len({min(column, inverse - column) for column in columns} - {min(f, inverse - f) for f in free})
            for columns in product(range(1 << rows), repeat=bits)
        ]
        assert different_bits(rows, bits) == sum(found) / len(found)
    assert different_bits(64, 20) == 20
