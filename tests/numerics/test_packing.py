"""Two products by one multiplication: the law over all operands up to 8 bits, extremes and drawn sums of others."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.numerics.packing import Operand, multipliers, packed, packing, shares_weight, unpacked

E1, E2 = (25, 18), (27, 18)
SMALL = [Operand(bits, signed) for bits in (1, 2, 3, 4) for signed in (False, True)]


def values(x: Operand) -> range:
    least, greatest = x.extremes
    return range(least, greatest + 1)


def signed_bits(least: int, greatest: int) -> int:
    return max((-least - 1).bit_length() if least < 0 else 0, greatest.bit_length()) + 1


@pytest.mark.parametrize(("own", "shared"), list(product(SMALL, SMALL)))
def test_every_pair_of_small_operands(own: Operand, shared: Operand) -> None:
    """Also where the ports are so narrow that one product just fits."""
    wide = next(w for w in range(2, 30) if packing(own, shared, (w, 18), 1))
    for ports in ((wide, 18), E1):
        found = packing(own, shared, ports, 1)
        assert found is not None and found.chain == 1
        for a0, a1, x in product(values(own), values(own), values(shared)):
            assert unpacked(packed(a0, a1, found.shift) * x, found.shift) == (a0 * x, a1 * x)


@pytest.mark.parametrize("ports", [E1, E2])
@pytest.mark.parametrize("signs", list(product((False, True), repeat=2)))
def test_every_pair_of_bytes(ports: tuple[int, int], signs: tuple[bool, bool]) -> None:
    """All 2^24 triples."""
    own, shared = (Operand(8, s) for s in signs)
    found = packing(own, shared, ports, 1)
    if found is None:  # two bytes without a sign make 16 bits without a sign: one more than there is room for
        assert (signs, ports) == ((False, False), E1)
        return
    a, half = np.array(values(own), dtype=np.int64), 1 << found.shift - 1
    for x in values(shared):
        total = ((a[None, :] << found.shift) + a[:, None]) * x + half  # [lower, upper]
        assert ((total >> found.shift) == a[None, :] * x).all()
        assert ((total & (2 * half - 1)) - half == a[:, None] * x).all()


@pytest.mark.parametrize(("own", "shared", "ports"), [
    (Operand(a, sa), Operand(x, sx), ports)
    for a, x, sa, sx, ports in product((1, 3, 6, 8, 9), (1, 4, 8, 12, 17), (False, True), (False, True), (E1, E2))
])  # fmt: skip
def test_what_is_said_to_fit_fits_and_no_more(own: Operand, shared: Operand, ports: tuple[int, int]) -> None:
    """The operands fit the multiplier, a chain's lower sum its bits, the sum the accumulator; one more does not."""
    found = packing(own, shared, ports, 1 << 40)
    (al, ah), (xl, xh) = own.extremes, shared.extremes
    corners = [a * x for a in (al, ah) for x in (xl, xh)]
    if found is None:
        assert signed_bits(*_sums(corners, 1)) > ports[0] - own.bits - 1
        return
    assert signed_bits(packed(al, al, found.shift), packed(ah, ah, found.shift)) == ports[0]
    assert signed_bits(xl, xh) <= ports[1]

    def fits(count: int) -> bool:
        least, greatest = _sums(corners, count)
        half = 1 << found.shift - 1
        inside = -half <= least and greatest < half
        ends = (packed(end, end, found.shift) + half for end in (least, greatest))
        return inside and signed_bits(*ends) <= 48

    assert fits(found.chain) and not fits(found.chain + 1)


def _sums(corners: list[int], count: int) -> tuple[int, int]:
    return count * min(corners), count * max(corners)


def test_the_widths_of_the_parts() -> None:
    """Eight bits lie 18 apart on a DSP48E2, 16 on a DSP48E1; sums of 7 products (4 where one side has no sign)."""
    byte, ubyte = Operand(8, True), Operand(8, False)
    chains = {(own, shared): packing(own, shared, E2, 99) for own, shared in product((byte, ubyte), repeat=2)}
    assert [(p.shift, p.chain) for p in chains.values() if p] == [(18, 7), (18, 4), (18, 4), (18, 2)]
    assert all(p and (p.shift, p.chain) == (16, 1) for p in (packing(byte, s, E1, 99) for s in (byte, ubyte)))
    assert packing(Operand(8, True), Operand(12, True), E1, 1) is None
    assert packing(Operand(16, True), byte, E2, 1) is None
    assert packing(byte, byte, E2, 3) == packing(byte, byte, E2, 3) and packing(byte, byte, E2, 3).chain == 3  # type: ignore[union-attr]


@st.composite
def sums(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, int]]]:
    own, shared = (Operand(draw(st.integers(1, 9)), draw(st.booleans())) for _ in range(2))
    found = packing(own, shared, draw(st.sampled_from((E1, E2))), 12)
    if found is None:
        return 1, []
    a, x = st.integers(*own.extremes), st.integers(*shared.extremes)
    return found.shift, draw(st.lists(st.tuples(a, a, x), max_size=found.chain))


@given(sums())
def test_drawn_sums(case: tuple[int, list[tuple[int, int, int]]]) -> None:
    shift, terms = case
    total = sum(packed(a0, a1, shift) * x for a0, a1, x in terms)
    assert unpacked(total, shift) == (sum(a0 * x for a0, _, x in terms), sum(a1 * x for _, a1, x in terms))


@pytest.mark.parametrize(("samples", "outputs"), list(product(range(1, 6), range(1, 6))))
def test_who_shares(samples: int, outputs: int) -> None:
    pairs, alone = multipliers(samples, outputs)
    assert 2 * pairs + alone == samples * outputs
    assert pairs + alone == min(samples * -(-outputs // 2), outputs * -(-samples // 2))
    assert not (shares_weight(samples, outputs) and outputs % 2 == 0)
