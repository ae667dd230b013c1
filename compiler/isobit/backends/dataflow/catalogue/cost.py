"""The cost formulas of the catalogue's records: what an instance takes, in LUTs, DSPs, block RAMs and UltraRAMs.

DSP blocks and memories are counted. LUTs are a sum of terms, each a number of bits that the unit adds, multiplies,
chooses among or counts with; what a bit of each takes is fitted (:mod:`isobit.hardware.fitted`, docs/cost.md):

* a product of ``a`` and ``b`` bits: in LUTs, or in DSP48s where ``a * b`` is large;
* the bodies of steps and the coefficients of sums: :class:`isobit.hardware.Prices`;
* a decoder of tapered weights: what open synthesis made of it;
* a memory: where :mod:`isobit.hardware.memory` puts it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import gcd

from isobit.backends.dataflow.schedule import Constants
from isobit.hardware import fitted, requantizer
from isobit.hardware.board import Board
from isobit.hardware.memory import Memory, different_bits, kept, ram, rom
from isobit.hardware.resources import Cost
from isobit.numerics.bipolar import Bipolar
from isobit.numerics.formats import Tapered
from isobit.numerics.packing import Packing, multipliers, shares_weight

_MIN_DSP_PRODUCT = 40
_LEAST_IN_DSP = 9
"""Bits of a signed product that Yosys has in a DSP block, at least; an operand without a sign gets one."""
_LEAST_SHIFTED = 3
"""Registers in a row that are a shift register, at least."""


def product(a: int, b: int, dsp: str) -> Cost:
    """A multiplier of two signed operands of ``a`` and ``b`` bits."""
    if min(a, b) <= 1:
        return Cost(lut=max(a, b))
    if a * b >= _MIN_DSP_PRODUCT:
        return Cost(dsp=requantizer.dsps(a, b, dsp))
    return Cost(lut=a * b)


def _bits(count: int) -> int:
    """Bits of a counter of so many."""
    return max(count - 1, 0).bit_length()


def _with(kind: str, **terms: float) -> Cost:
    """A unit of ``kind`` and its terms."""
    return fitted.fabric(kind, unit=1, **terms)


def _kept(kind: str, memory: Cost) -> Cost:
    """A memory, whose LUTs are a term of ``kind``."""
    return fitted.fabric(kind, memory=memory.lut) + Cost(bram18=memory.bram18, uram=memory.uram)


def weights(rows: int, width: int, memory: Memory = "auto") -> Cost:
    """Constant words in ``memory``."""
    return _kept("weights", rom(rows, width, memory))


def lines(depth: int, width: int, board: Board, memory: Memory = "auto") -> Cost:
    """The lines of a window, words written and read at run time, in ``memory``."""
    return _kept("lines", ram(max(depth, 1), width, board, memory))


# ---------------------------------------------------------------- what moves, compares or keeps words


def word_by_word(kind: str) -> Callable[[int, int, int], Cost]:
    """What takes words of ``lanes`` elements of ``in_bits`` and gives some of ``out_bits``, as ``kind``."""

    def cost(lanes: int, in_bits: int, out_bits: int) -> Cost:
        return _with(kind, into=lanes * in_bits, out=lanes * out_bits)

    return cost


def compared(kind: str) -> Callable[[int, int], Cost]:
    """What compares ``count`` pairs of ``bits`` bits a clock and keeps the greater ones."""

    def cost(count: int, bits: int) -> Cost:
        return _with(kind, compared=count * bits)

    return cost


def stored(kind: str) -> Callable[[int, int, int, int], Cost]:
    """The same with a memory of ``depth`` words between in and out."""

    def cost(lanes: int, in_bits: int, out_bits: int, depth: int) -> Cost:
        moved = _with(kind, out=lanes * out_bits, place=_bits(depth))
        return moved + _kept("vector", kept(max(depth, 1), lanes * in_bits))

    return cost


def reordered(lanes: int, in_bits: int, out_bits: int, depth: int, leaving: int) -> Cost:
    """The same with the places of the ``leaving`` words as constants."""
    return stored("reorder")(lanes, in_bits, out_bits, depth) + _kept("weights", rom(leaving, max(_bits(depth), 1)))


def multiplied(lanes: int, a: int, b: int, dsp: str) -> Cost:
    """Two streams multiplied, of ``a`` and ``b`` bits: a multiplier per lane."""
    one = product(a, b, dsp)
    adders, word = (0, 0) if one.dsp else (_adders(lanes, a, b), lanes * (a + b))  # a block has its own registers
    return one.times(lanes) + _with("product", adders=adders, word=word)


def multiplied_by_channel(lanes: int, a: int, b: int, depth: int, width: int, dsp: str) -> Cost:
    """The same with the factors of a frame in a memory of ``depth`` words of ``width`` bits."""
    factors = _with("channel_product", fresh=width, place=_bits(depth)) + _kept("vector", kept(depth, width))
    return factors + multiplied(lanes, a, b, dsp)


def sliding_window(depth: int, width: int, board: Board, memory: Memory = "auto") -> Cost:
    """A memory of ``depth`` words of ``width`` bits with one write and one read port, and the places in it."""
    return _with("sliding_window", place=_bits(depth), word=width) + lines(depth, width, board, memory)


def parallel_window(depth: int, width: int, out: int, board: Board, memory: Memory = "auto") -> Cost:
    """The rows above, ``depth`` words of ``width`` bits in all (0 of a single row), and a block of ``out`` bits."""
    above = lines(depth, width, board, memory) if width else Cost()
    return _with("parallel_window", place=_bits(depth), out=out) + above


def fifo(depth: int, width: int, board: Board) -> Cost:
    """A stream of ``depth`` words: a register or two, shift registers in LUTs up to 32, a memory beyond."""
    count = _bits(depth + 1)
    if depth <= 32:
        return _with("fifo_shift", count=count, word=width) if depth > 2 else _with("fifo_pair", word=width)
    return _with("fifo_memory", count=count, word=width) + _kept("fifo_memory", ram(depth, width, board))


def fifo_at_least(width: int) -> Cost:
    """LUTs that a stream takes however deep it is: the least of the forms of :func:`fifo`, each at its first depth."""
    pair, shift = _with("fifo_pair", word=width), _with("fifo_shift", count=_bits(4), word=width)
    memory = _with("fifo_memory", count=_bits(34), word=width)
    return Cost(lut=min(pair.lut, shift.lut, memory.lut))


def width_converter(c: Constants, bits: int) -> Cost:
    """Words of other lanes, in granules that divide both: a word that is taken apart, one that grows, or a buffer.

    Every bit of the buffer chooses among the places where a word may come to lie; with slack, that of a row's last word
    is filled up besides.
    """
    row, narrow, wide = c["ROW"], c["IN_LANES"], c["OUT_LANES"]
    granule = gcd(narrow, wide)
    takes, gives = narrow // granule, wide // granule
    count = _bits(takes + gives)
    if row <= min(narrow, wide):
        return Cost()
    buffer = (takes + gives - 1) * granule * bits
    if row % narrow or row % wide:
        word = buffer * min(takes, gives, -(-row // narrow)) + wide * bits
        return _with("row_converter", word=word, kept=buffer)
    if takes == 1 or gives == 1:
        return _with("width_converter", count=count, word=narrow * bits * (gives == 1 < takes), kept=buffer)
    return _with("granules", count=count, word=buffer * _bits(gives), kept=buffer)


# ---------------------------------------------------------------- matrix units


def dense(
    pe: int, simd: int, rows: int, x_bits: int, w_bits: int, acc_bits: int, dsp: str, memory: Memory = "auto",
    samples: int = 1, code: Tapered | Bipolar | None = None, packing: Packing | None = None, made: int | None = None,
) -> Cost:  # fmt: skip
    """A matrix-vector unit with ``rows`` weight words of ``pe * simd`` weights in ``memory``, shared by ``samples``.

    With a ``code`` the words hold codes, and a decoder for each weight of a word is beside the multipliers; bits select
    inputs. With a ``packing`` two products have one multiplier. Of constant weights, a single word, as many multipliers
    as :func:`isobit.backends.dataflow.catalogue.constants.multiplied` says are ``made`` (None: one for every product).
    """
    kind = "bipolar" if isinstance(code, Bipolar) else "bit_matrix" if min(x_bits, w_bits) == 1 else "matrix"
    unit = _with(kind, place=_bits(rows)) + weights(rows, pe * simd * (code.bits if code else w_bits), memory)
    decoders = tapered_decoder(code).times(pe * simd) if isinstance(code, Tapered) else Cost()
    if isinstance(code, Bipolar):
        return unit + _selected(pe, simd, x_bits, acc_bits, samples)
    if packing:
        return unit + decoders + _packed(
            pe, simd, x_bits, w_bits, acc_bits, dsp, samples, packing, rows, made
        )  # fmt: skip
    return unit + decoders + _sums(pe * samples, simd, x_bits, w_bits, acc_bits, dsp, constant=rows == 1, made=made)


def _selected(pe: int, simd: int, x_bits: int, acc_bits: int, samples: int) -> Cost:
    """Sums of the inputs that bits select, and one of all; per output the accumulator, which takes their difference."""
    sums = samples * (pe + 1) * simd
    acc = samples * pe * acc_bits
    if x_bits == 1:
        return fitted.fabric("counts", ones=sums, acc=acc)
    return fitted.fabric("selections", ones=sums, further=sums * (x_bits - 1), acc=acc)


def _packed(
    pe: int, simd: int, x_bits: int, w_bits: int, acc_bits: int, dsp: str, samples: int, packing: Packing, rows: int,
    made: int | None,
) -> Cost:  # fmt: skip
    """Products two at a time, and the sums of the chains that come apart.

    Narrow products, which take LUTs where each is made alone, are in DSPs here; without a partner only those of
    :data:`_LEAST_IN_DSP` bits. An adder puts two operands together (``paired``). Those of a chain's k-th product wait
    k clocks, in registers (``held``) or, where they are more, in shift registers; of the weights what differs in few
    ``rows`` is less than all of their bits.
    """
    pairs, alone = multipliers(samples, pe)
    chains, outputs = -(-simd // packing.chain), pe * samples
    count = simd * (pairs + (alone if x_bits + 1 + w_bits >= _LEAST_IN_DSP else 0)) if made is None else made
    mac = Cost(dsp=max(product(x_bits, w_bits, dsp).dsp, 1)).times(count)
    added = outputs * (_tree(chains, x_bits + w_bits + _bits(packing.chain)) + acc_bits)
    weight = different_bits(rows, pe * simd * w_bits) / (pe * simd)
    paired = pairs * simd * (x_bits if shares_weight(samples, pe) else weight)
    late = chains * packing.chain - simd  # a short last chain begins later, so that all end together
    waits = [s % packing.chain + (late if s // packing.chain == chains - 1 else 0) for s in range(simd)]
    operands = samples * x_bits + pe * weight
    held = operands * sum(wait for wait in waits if wait < _LEAST_SHIFTED)
    shifted = operands * sum(wait >= _LEAST_SHIFTED for wait in waits)
    return mac + fitted.fabric("packed_sums", added=added, paired=paired, held=held, shifted=shifted)


def _sums(
    outputs: int, simd: int, x_bits: int, w_bits: int, acc_bits: int, dsp: str, *, constant: bool,
    made: int | None = None,
) -> Cost:  # fmt: skip
    """``outputs`` sums of ``simd`` products, a tree each, and what adds them to an accumulator.

    Products of a bit and ``constant`` ones, most of which are wires, have coefficients of their own.
    """
    added = outputs * (_tree(simd, x_bits + w_bits) + acc_bits)
    one = product(x_bits, w_bits, dsp)
    if one.dsp:
        kind = "constant_dsp_sums" if constant else "dsp_sums"
        return one.times(outputs * simd if made is None else made) + fitted.fabric(kind, added=added)
    kind = "constant_sums" if constant else "bit_sums" if min(x_bits, w_bits) == 1 else "sums"
    return fitted.fabric(kind, adders=_adders(outputs * simd, x_bits, w_bits), added=added)


def _adders(count: int, a: int, b: int) -> int:
    """Full adders of products in LUTs, an array each: none for the first bit of either operand."""
    return count * (a - 1) * (b - 1)


def _tree(terms: int, bits: int) -> int:
    """Bits of the adders of a tree over ``terms`` of ``bits`` bits, one more on every level."""
    total = 0
    while terms > 1:
        bits += 1
        total += terms // 2 * bits
        terms = -(-terms // 2)
    return total


def tapered_decoder(code: Tapered) -> Cost:
    """A run of one is fixed point, wires alone; open synthesis gave these figures, up to 4 LUTs less (docs/tapered.md).

    ``bits`` LUTs for runs up to three, where every bit that comes out depends on few of the code; more for longer ones.
    """
    if code.run == 1:
        return Cost()
    short = code.run <= 3
    return Cost(lut=code.bits if short else code.bits + 1 if code.bits <= 6 else 2 * code.bits)


def input_vector(words: int, width: int, samples: int, passes: int) -> Cost:
    """The inputs that a matrix-vector unit reads again for every one of ``passes`` over its outputs.

    ``words`` of ``width`` bits, one read a clock: a memory where they come word by word. Several ``samples`` come as a
    whole block: registers, and a choice among the words, for which a 6-input LUT does three of a bit's further words,
    with a register of its own.
    """
    if samples > 1:
        return Cost(lut=samples * width * -(-(words - 1) // 3), ff=samples * width * (words + (words > 1)))
    if passes == 1:
        return Cost()
    return _kept("vector", kept(words, width))


def streamed_dense(
    pe: int, simd: int, rows: int, x_bits: int, w_bits: int, acc_bits: int, dsp: str, vectors: int
) -> Cost:
    """The same with weights that come on a stream, kept in ``rows`` words where several ``vectors`` share them."""
    width = pe * simd * w_bits
    matrix = _kept("vector", kept(rows, width)) if vectors > 1 else Cost()
    unit = _with("streamed", place=_bits(rows), word=width * (vectors > 1)) + matrix
    return unit + _sums(pe, simd, x_bits, w_bits, acc_bits, dsp, constant=False)
