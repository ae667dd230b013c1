"""The cost formulas of the catalogue's records: what an instance takes, in LUTs, DSPs, block RAMs and UltraRAMs.

Formulas (documented in docs/cost.md; first order, meant to rank implementations and to refuse what is far too big):

* a product of ``a`` and ``b`` bits: ``a * b`` LUTs, or one DSP48 where both fit its multiplier and ``a * b`` is large;
* an adder of ``w`` bits: ``w / 2`` LUTs;
* the bodies of steps and the coefficients of sums: :class:`isobit.hardware.Prices`;
* what only moves words: two LUTs a bit;
* a decoder of tapered weights: what open synthesis made of it;
* a memory: where :mod:`isobit.hardware.memory` puts it.
"""

from __future__ import annotations

from math import gcd

from isobit.backends.dataflow.schedule import Constants
from isobit.hardware import requantizer
from isobit.hardware.board import Board
from isobit.hardware.memory import Memory, ram, rom
from isobit.hardware.prices import CONTROL, unpacked
from isobit.hardware.resources import Cost
from isobit.numerics.bipolar import Bipolar
from isobit.numerics.formats import Tapered
from isobit.numerics.packing import Packing, multipliers

_MIN_DSP_PRODUCT = 40


def product(a: int, b: int, dsp: str) -> Cost:
    """A multiplier of two signed operands of ``a`` and ``b`` bits."""
    if min(a, b) <= 1:
        return Cost(lut=max(a, b))
    if a * b >= _MIN_DSP_PRODUCT:
        return Cost(dsp=requantizer.dsps(a, b, dsp))
    return Cost(lut=a * b)


def word_by_word(lanes: int, in_bits: int, out_bits: int) -> Cost:
    """What takes words and gives words, with little in between: two LUTs a bit, and its control."""
    return Cost(lut=lanes * (in_bits + out_bits) * 2 + 40)


def stored(lanes: int, in_bits: int, out_bits: int, depth: int, board: Board) -> Cost:
    """The same with a memory of ``depth`` words between in and out."""
    return word_by_word(lanes, in_bits, out_bits) + line_buffer(depth, lanes * in_bits, board)


def multiplied(lanes: int, a: int, b: int, out_bits: int, dsp: str) -> Cost:
    """Two streams multiplied, of ``a`` and ``b`` bits: a multiplier per lane beside what moves the words."""
    return word_by_word(lanes, a, out_bits) + product(a, b, dsp).times(lanes)


def multiplied_by_channel(
    lanes: int, a: int, b: int, out_bits: int, depth: int, width: int, board: Board
) -> Cost:  # fmt: skip
    """The same with the factors of a frame in a memory of ``depth`` words of ``width`` bits."""
    return multiplied(lanes, a, b, out_bits, board.dsp) + ram(depth, width, board)


def width_converter(c: Constants, bits: int) -> Cost:
    """A converter of elements of ``bits`` bits: with slack a shift buffer and what fills up a row's last word.

    Every bit of the buffer chooses among the places where a word may come to lie. Without slack, or where a row is one
    word on either side, it is not counted.
    """
    row, narrow, wide = c["ROW"], c["IN_LANES"], c["OUT_LANES"]
    if row % narrow == row % wide == 0 or row <= min(narrow, wide):
        return Cost()
    granule = gcd(narrow, wide)
    takes, gives = narrow // granule, wide // granule
    buffer = (takes + gives - 1) * granule * bits
    return Cost(lut=buffer * min(takes, gives, -(-row // narrow)) + wide * bits + CONTROL)


def line_buffer(depth: int, width: int, board: Board, memory: Memory = "auto") -> Cost:
    """A memory of ``depth`` words of ``width`` bits with one write and one read port, and its control."""
    return ram(max(depth, 1), width, board, memory) + Cost(lut=80)


def dense(
    pe: int, simd: int, rows: int, x_bits: int, w_bits: int, acc_bits: int, dsp: str, memory: Memory = "auto",
    samples: int = 1, code: Tapered | Bipolar | None = None, packing: Packing | None = None,
) -> Cost:  # fmt: skip
    """A matrix-vector unit with ``rows`` weight words of ``pe * simd`` weights in ``memory``, shared by ``samples``.

    With a ``code`` the words hold codes, and a decoder for each weight of a word is beside the multipliers; bits select
    inputs. With a ``packing`` two products have one multiplier.
    """
    if isinstance(code, Bipolar):
        sums = _selected(pe, simd, x_bits, acc_bits).times(samples)
    elif packing:
        pairs, alone = multipliers(samples, pe)
        mac = product(x_bits, w_bits, dsp).times(simd)
        chains = -(-simd // packing.chain)
        sums = mac.times(pairs + alone) + unpacked(2 * pairs * chains + alone, acc_bits)
    else:
        sums = _sums(simd, x_bits, w_bits, acc_bits, dsp).times(pe * samples)
    decoders = tapered_decoder(code).times(pe * simd) if isinstance(code, Tapered) else Cost()
    return sums + decoders + rom(rows, pe * simd * (code.bits if code else w_bits), memory) + Cost(lut=120)


def _selected(pe: int, simd: int, x_bits: int, acc_bits: int) -> Cost:
    """Sums of the inputs that bits select, one of all, and per output their difference and the accumulator."""
    return Cost(lut=(pe + 1) * _counted(simd, x_bits) + pe * (x_bits + (simd - 1).bit_length() + 2 + acc_bits))


def _counted(count: int, bits: int) -> int:
    """A sum of ``count`` numbers that are selected, three at a time: what open synthesis made of it (docs/cost.md)."""
    return count * (2 if bits == 1 else bits + 3)


def tapered_decoder(code: Tapered) -> Cost:
    """A run of one is fixed point, wires alone; open synthesis gave these figures, up to 4 LUTs less (docs/tapered.md).

    ``bits`` LUTs for runs up to three, where every bit that comes out depends on few of the code; more for longer ones.
    """
    if code.run == 1:
        return Cost()
    short = code.run <= 3
    return Cost(lut=code.bits if short else code.bits + 1 if code.bits <= 6 else 2 * code.bits)


def input_vector(words: int, width: int, samples: int, passes: int, board: Board) -> Cost:
    """The inputs that a matrix-vector unit reads again for every one of ``passes`` over its outputs.

    ``words`` of ``width`` bits, one read a clock: a memory where they come word by word. Several ``samples`` come as a
    whole block: registers, and a choice among the words, for which a 6-input LUT does three of a bit's further words.
    """
    if samples > 1:
        return Cost(lut=samples * width * -(-(words - 1) // 3))
    return ram(words, width, board) if passes > 1 else Cost()


def streamed_dense(
    pe: int, simd: int, rows: int, x_bits: int, w_bits: int, acc_bits: int, dsp: str, vectors: int, board: Board
) -> Cost:
    """The same with weights that come on a stream, kept in ``rows`` words where several ``vectors`` share them."""
    kept = ram(rows, pe * simd * w_bits, board) if vectors > 1 else Cost()
    return _sums(simd, x_bits, w_bits, acc_bits, dsp).times(pe) + kept + Cost(lut=120)


def _sums(simd: int, x_bits: int, w_bits: int, acc_bits: int, dsp: str) -> Cost:
    """``simd`` products and what adds them to an accumulator: a DSP brings its adder with it."""
    mac = product(x_bits, w_bits, dsp).times(simd)
    return mac + Cost(lut=acc_bits // 2 if mac.dsp else (simd + 1) * acc_bits // 2)
