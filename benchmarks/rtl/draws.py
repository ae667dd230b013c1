"""What ``points.py`` synthesises: drawn configurations of every template, a function for each family of them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from isobit.backends.dataflow.planner.multipliers import MOST_CHAINED
from isobit.backends.ports import IntType
from isobit.hardware.requantizer import dsp_ports
from isobit.numerics.packing import Operand, packing, shares_weight

Constants = dict[str, int | str]
Kind = tuple[int, bool]
Kinds = dict[str, Kind]
Drawn = dict[str, Any]
"""What a point has beside template and board: ``constants``, ``types``, and maybe ``storage`` and ``memory``."""


def _divisors(n: int, most: int) -> list[int]:
    return [d for d in range(1, most + 1) if n % d == 0]


def _kind(draw: random.Random, *bits: int) -> Kind:
    return draw.choice(bits), draw.random() < 0.5


def _acc(x: int, w: int, terms: int) -> Kind:
    return x + w + max(terms - 1, 1).bit_length(), True


def _elem(draw: random.Random) -> Kinds:
    return {"elem_t": _kind(draw, 1, 2, 4, 6, 8, 12)}


def _elements(draw: random.Random) -> Constants:
    pe, rows = draw.choice((1, 2, 3, 4, 8)), draw.choice((1, 2, 4, 8, 16))
    return {"CHANNELS": 1 if draw.random() < 0.3 else pe * rows, "PE": pe, "FOLDS": 4 * rows}


def _image(draw: random.Random) -> Constants:
    channels = draw.choice((1, 2, 3, 4, 8, 16, 32))
    size = {"H": draw.choice((4, 8, 16, 32)), "W": draw.choice((4, 8, 16, 32))}
    return size | {"CHANNELS": channels, "LANES": draw.choice(_divisors(channels, 8))}


def _block(draw: random.Random) -> Constants:
    k = draw.choice((1, 3))
    return {"SAMPLES": draw.choice((2, 4)), "CHANNELS": draw.choice((1, 2, 3, 4)), "KH": k, "KW": 3, "SW": 1, "DW": 1}


# ---------------------------------------------------------------- matrix units


def _matrix(draw: random.Random, most: int = 24) -> tuple[Constants, Kinds]:
    while True:
        fan_in, out = draw.choice((8, 16, 24, 27, 32, 48, 64)), draw.choice((4, 8, 10, 16, 32))
        simd, pe = draw.choice(_divisors(fan_in, 16)), draw.choice(_divisors(out, 8))
        if 2 <= simd * pe <= most:
            break
    x, w = _kind(draw, 1, 2, 3, 4, 5, 6, 8), (draw.choice((2, 2, 3, 4, 4, 6, 8)), True)
    constants: Constants = {"IN": fan_in, "OUT": out, "SIMD": simd, "PE": pe, "VECTORS": draw.choice((1, 16))}
    return constants, {"in_t": x, "weight_t": w, "acc_t": _acc(x[0], w[0], fan_in)}


def _dense(draw: random.Random) -> Drawn:
    constants, kinds = _matrix(draw)
    return {"constants": constants, "types": kinds, "storage": draw.choice(("auto", "lutram", "bram"))}


def _dense_one(draw: random.Random) -> Drawn:
    """All weights in one word: constants of the logic."""
    constants, kinds = _matrix(draw)
    fan_in, out = draw.choice(((4, 4), (6, 8), (8, 8), (16, 4), (12, 10)))
    acc = _acc(kinds["in_t"][0], kinds["weight_t"][0], fan_in)
    constants |= {"IN": fan_in, "OUT": out, "SIMD": fan_in, "PE": out}
    return {"constants": constants, "types": kinds | {"acc_t": acc}}


def _dense_bipolar(draw: random.Random) -> Drawn:
    constants, kinds = _matrix(draw, 96)
    if draw.random() < 0.6:
        constants |= {"IN": 192, "SIMD": draw.choice((16, 32, 64, 96)), "OUT": 16, "PE": draw.choice((1, 2, 4))}
        kinds = kinds | {"in_t": (1, False)}
    acc = kinds["in_t"][0] + 2 + int(constants["IN"]).bit_length(), True
    return {"constants": constants | {"BIPOLAR": 1}, "types": kinds | {"weight_t": (1, False), "acc_t": acc}}


def _dense_packed(draw: random.Random) -> Drawn:
    constants, kinds = _matrix(draw)
    pe, chain = draw.choice(_divisors(int(constants["OUT"]), 6)[1:]), draw.choice((1, 1, 2, 3))
    kinds = kinds | {"in_t": (8, draw.random() < 0.5), "weight_t": (6, True)}
    kinds |= {"acc_t": _acc(8, 6, int(constants["IN"]))}
    return {"constants": constants | {"PE": pe, "PACKED": 18, "CHAIN": chain}, "types": kinds}


def _packing(draw: random.Random, constants: Constants) -> Drawn:
    """Products of ``constants`` with operands that two of them fit a DSP48E1 with, in chains as long as they may be."""
    pe, simd, samples = (int(constants.get(name, 1)) for name in ("PE", "SIMD", "SAMPLES"))
    while True:
        x, w = _kind(draw, 2, 3, 4, 6, 8), (draw.choice((2, 3, 4, 6)), True)
        operands = (x, w) if shares_weight(samples, pe) else (w, x)
        found = packing(*(Operand(*kind) for kind in operands), dsp_ports("DSP48E1"), min(simd, MOST_CHAINED))
        if found:
            break
    fan_in = int(constants.get("IN", 0)) or math.prod(int(constants[name]) for name in ("KH", "KW", "CHANNELS"))
    kinds = {"in_t": x, "weight_t": w, "acc_t": _acc(x[0], w[0], fan_in)}
    return {"constants": constants | {"PACKED": found.shift, "CHAIN": found.chain}, "types": kinds}


def _dense_chained(draw: random.Random) -> Drawn:
    constants, _ = _matrix(draw)
    return _packing(draw, constants | {"PE": draw.choice(_divisors(int(constants["OUT"]), 8)[1:])})


def _parallel_chained(draw: random.Random) -> Drawn:
    constants = _parallel_dense(draw)["constants"]
    return _packing(
        draw, constants | {"SIMD": draw.choice(_divisors(int(constants["KW"]) * int(constants["CHANNELS"]), 6))}
    )


def _streamed_dense(draw: random.Random) -> Drawn:
    constants, kinds = _matrix(draw)
    if draw.random() < 0.5:
        constants["PE"] = 1
    else:
        constants |= {"IN": 8, "SIMD": 8, "PE": draw.choice(_divisors(int(constants["OUT"]), 4))}
    return {"constants": constants, "types": kinds}


def _depthwise(draw: random.Random) -> Drawn:
    channels, taps = draw.choice((4, 8, 16, 32)), draw.choice((3, 9, 25))
    x, w = _kind(draw, 2, 4, 8), (draw.choice((2, 4, 8)), True)
    kinds = {"in_t": x, "weight_t": w, "acc_t": _acc(x[0], w[0], taps)}
    constants = {"CHANNELS": channels, "PE": draw.choice(_divisors(channels, 8)), "TAPS": taps, "VECTORS": 16}
    return {"constants": constants, "types": kinds, "storage": draw.choice(("auto", "lutram"))}


def _parallel_dense(draw: random.Random) -> Drawn:
    block = _block(draw)
    fan_in, out = int(block["KH"]) * 3 * int(block["CHANNELS"]), draw.choice((4, 8))
    x, w = _kind(draw, 2, 4, 8), (draw.choice((2, 4, 6)), True)
    block |= {"WORDS": 16, "OUT": out, "SIMD": draw.choice(_divisors(fan_in, 6)), "PE": draw.choice((1, 2, 4))}
    return {"constants": block, "types": {"in_t": x, "weight_t": w, "acc_t": _acc(x[0], w[0], fan_in)}}


def _parallel_depthwise(draw: random.Random) -> Drawn:
    x, w = _kind(draw, 2, 4, 8), (draw.choice((2, 4, 6)), True)
    kinds = {"in_t": x, "weight_t": w, "acc_t": _acc(x[0], w[0], 9)}
    return {"constants": _block(draw) | {"WORDS": 16}, "types": kinds}


# ---------------------------------------------------------------- windows


def _parallel_max_pool(draw: random.Random) -> Drawn:
    elem = _elem(draw)
    return {"constants": _block(draw) | {"WORDS": 16}, "types": elem}


def _max_pool(draw: random.Random) -> Drawn:
    elem, channels = _elem(draw), draw.choice((1, 4, 8, 16))
    pe = draw.choice(_divisors(channels, 8))
    return {"constants": {"CHANNELS": channels, "PE": pe, "TAPS": draw.choice((2, 4, 9)), "VECTORS": 16}, "types": elem}


def _parallel_window(draw: random.Random) -> Drawn:
    (bits, signed), block = _elem(draw)["elem_t"], _block(draw)
    top = 1 if int(block["KH"]) == 3 else 0
    border = {"TOP": top, "BOTTOM": top, "LEFT": 1, "RIGHT": 1, "VALUE": 0}
    size = {"H": draw.choice((8, 16)), "W": draw.choice((16, 32)), "SH": 1, "DH": 1}
    memory = draw.choice(("lutram", "bram")) if int(block["KH"]) > 1 else ""
    kind = max(bits, 2), signed
    return {"constants": block | border | size, "types": {"in_t": kind, "out_t": kind}, "memory": memory}


def _sliding_window(draw: random.Random) -> Drawn:
    elem = _elem(draw)
    image, k, stride = _image(draw), draw.choice((2, 3)), draw.choice((1, 1, 2))
    window = {"IMAGES": 1, "KH": draw.choice((1, k)), "KW": k, "SH": stride, "SW": stride, "DH": 1, "DW": 1}
    return {"constants": image | window, "types": elem, "memory": draw.choice(("lutram", "lutram", "bram"))}


# ---------------------------------------------------------------- steps and tables


def _line(draw: random.Random) -> tuple[Constants, Kinds]:
    acc, m = draw.choice((10, 12, 14, 16, 18, 20, 24)), draw.choice((1, 2, 3, 4, 6, 8, 12, 16))
    kind = draw.choice((2, 4, 6, 8)), draw.random() < 0.5
    lo, hi = IntType(*kind).interval
    constants = _elements(draw) | {"K": max(acc + m - kind[0], 1), "LO": lo, "HI": hi, "CLAMP": 1}
    kinds = {
        "in_t": (acc, True), "multiplier_t": (m, False), "offset_t": (acc + m - 1, True),
        "product_t": (acc + m, True), "sum_t": (acc + m + 1, True), "out_t": kind,
    }  # fmt: skip
    return constants, kinds


def _multiply_shift(draw: random.Random) -> Drawn:
    constants, kinds = _line(draw)
    if draw.random() < 0.25 and constants["CHANNELS"] != 1:
        kinds["shift_t"] = (5, False)
        del constants["K"]
    return {"constants": constants, "types": kinds}


def _round_shift(draw: random.Random) -> Drawn:
    constants, kinds = _line(draw)
    constants["ROUNDING"] = f"isobit::{draw.choice(('ROUND', 'HALF_UP', 'FLOOR', 'UP'))}"
    return {"constants": constants, "types": kinds}


def _half_even(draw: random.Random) -> Drawn:
    constants, kinds = _line(draw)
    return {"constants": constants, "types": kinds | {"gap_t": (2, False)}}


def _thresholds(draw: random.Random) -> Drawn:
    acc, out = draw.choice((6, 8, 10, 12, 16, 20)), draw.choice((1, 2, 3, 4, 5))
    kinds = {"in_t": (acc, True), "threshold_t": (acc + 1, True), "start_t": (1, False), "out_t": (out, False)}
    return {"constants": _elements(draw) | {"LEVELS": (1 << out) - 1}, "types": kinds}


def _many_channels(drawn: Callable[[random.Random], Drawn]) -> Callable[[random.Random], Drawn]:
    """With a channel or two in a word: more rows of constants than a LUT has entries."""

    def made(draw: random.Random) -> Drawn:
        unit = drawn(draw)
        pe, rows = draw.choice((1, 1, 2)), draw.choice((32, 64, 128, 256))
        return unit | {"constants": unit["constants"] | {"CHANNELS": pe * rows, "PE": pe, "FOLDS": 4 * rows}}

    return made


def _lookup(draw: random.Random) -> Drawn:
    bits, out = draw.choice((4, 6, 8, 9)), _kind(draw, 4, 8, 12)
    size = {"LO": -(1 << bits - 1), "SIZE": 1 << bits}
    return {"constants": _elements(draw) | size, "types": {"in_t": (bits, True), "out_t": out}}


# ---------------------------------------------------------------- joins and moves


def _add(draw: random.Random) -> Drawn:
    a, b, k = _kind(draw, 4, 8, 10), _kind(draw, 4, 8, 10), draw.choice((1, 2, 4, 7, 10))
    kinds = {"a_t": a, "b_t": b, "ka_t": (k, False), "kb_t": (draw.choice((1, k)), False)}
    return {"constants": _elements(draw), "types": kinds | {"out_t": (max(a[0], b[0]) + k + 2, True)}}


def _product(draw: random.Random) -> Drawn:
    made = _channel_product(draw)
    del made["constants"]["CHANNELS"]
    return made


def _channel_product(draw: random.Random) -> Drawn:
    a, b, constants = _kind(draw, 4, 6, 8, 10), _kind(draw, 4, 6, 8), _elements(draw)
    if constants["CHANNELS"] == 1:
        constants["CHANNELS"] = constants["PE"]
    return {"constants": constants, "types": {"a_t": a, "b_t": b, "out_t": (a[0] + b[0] + 1, True)}}


def _argmax(draw: random.Random) -> Drawn:
    frame = draw.choice((5, 8, 10, 16, 24))
    constants = {"FRAME": frame, "LANES": draw.choice(_divisors(frame, 8)), "VECTORS": draw.choice((1, 4))}
    kinds = {"in_t": _kind(draw, 4, 8, 12, 16), "index_t": ((frame - 1).bit_length(), False)}
    return {"constants": constants, "types": kinds}


def _top_k(draw: random.Random) -> Drawn:
    made = _argmax(draw)
    made["constants"]["K"] = draw.choice((2, 3, 5))
    return made


def _concat(draw: random.Random) -> Drawn:
    kinds = {"a_t": _kind(draw, 2, 4, 8), "b_t": _kind(draw, 2, 4, 8), "out_t": (9, True)}
    words = {"A_WORDS": draw.choice((1, 2, 4)), "B_WORDS": draw.choice((1, 2, 4))}
    return {"constants": {"POSITIONS": 16} | words | {"LANES": draw.choice((1, 2, 4, 8))}, "types": kinds}


def _parallel_concat(draw: random.Random) -> Drawn:
    kinds = {"a_t": _kind(draw, 2, 4, 8), "b_t": _kind(draw, 2, 4, 8), "out_t": (9, True)}
    return {"constants": {"WORDS": 8, "SAMPLES": draw.choice((2, 4)), "A": 2, "B": draw.choice((1, 3))}, "types": kinds}


def _pad(draw: random.Random) -> Drawn:
    edge = {k: draw.choice((0, 1, 2)) for k in ("TOP", "BOTTOM", "LEFT", "RIGHT")}
    return {"constants": _image(draw) | edge | {"VALUE": 0}, "types": {"in_t": (8, True), "out_t": (8, True)}}


def _slice(draw: random.Random) -> Drawn:
    elem, words = _elem(draw), draw.choice((1, 2, 4))
    out = draw.choice(_divisors(words, words))
    size = {"H": draw.choice((4, 16)), "W": draw.choice((4, 16)), "IN_WORDS": words, "LANES": draw.choice((1, 2, 4, 8))}
    cut = {"TOP": 1, "LEFT": 1, "FIRST": 0, "OUT_H": 2, "OUT_W": 2, "OUT_WORDS": out}
    return {"constants": size | cut, "types": elem}


def _upsample(draw: random.Random) -> Drawn:
    elem = _elem(draw)
    return {"constants": _image(draw) | {"FACTOR_H": 2, "FACTOR_W": 2}, "types": elem}


def _reorder(draw: random.Random) -> Drawn:
    elem, words = _elem(draw), draw.choice((8, 16, 64, 256))
    kinds = elem | {"index_t": ((words - 1).bit_length(), False)}
    return {"constants": {"IN_WORDS": words, "OUT_WORDS": words, "LANES": draw.choice((1, 2, 4, 8))}, "types": kinds}


# ---------------------------------------------------------------- between layers


def _width_converter(draw: random.Random) -> Drawn:
    elem, narrow, by = _elem(draw), draw.choice((1, 2, 3, 4, 8)), draw.choice((2, 3, 4, 8))
    ends = (narrow, narrow * by) if draw.random() < 0.5 else (narrow * by, narrow)
    if draw.random() < 0.4:
        ends = draw.choice(((4, 6), (6, 4), (3, 8), (8, 3), (4, 10)))
    frame = ends[0] * ends[1] * 4
    constants = {"FRAME": frame, "ROW": frame, "CHANNELS": 1, "IN_LANES": ends[0], "OUT_LANES": ends[1]}
    return {"constants": constants, "types": elem}


def _row_converter(draw: random.Random) -> Drawn:
    """Rows with slack."""
    elem, row, channels = _elem(draw), draw.choice((9, 13, 25, 30)), draw.choice((1, 1, 3))
    ends = draw.choice(((2, 4), (4, 2), (3, 4), (8, 4), (4, 6), (6, 4), (20, 5), (5, 8)))
    constants = {"FRAME": 4 * row, "ROW": row, "CHANNELS": channels, "IN_LANES": ends[0], "OUT_LANES": ends[1]}
    return {"constants": constants, "types": elem}


def _fork(draw: random.Random) -> Drawn:
    elem = _elem(draw)
    return {"constants": {"WORDS": 16, "LANES": draw.choice((1, 2, 4, 8))}, "types": elem}


def _fifo(draw: random.Random) -> Drawn:
    depth = draw.choice((2, 3, 4, 8, 16, 32, 33, 40, 64, 100, 128, 200, 400, 512, 700, 1024, 2000))
    return {"constants": {"WIDTH": draw.choice((1, 4, 8, 12, 16, 24, 32, 64, 72, 96)), "DEPTH": depth}, "types": {}}


DRAWS: dict[str, tuple[str, int, Callable[[random.Random], Drawn]]] = {
    "dense": ("dense", 40, _dense), "dense_one": ("dense", 12, _dense_one),
    "dense_bipolar": ("dense", 20, _dense_bipolar), "dense_packed": ("dense", 10, _dense_packed),
    "dense_chained": ("dense", 24, _dense_chained), "parallel_chained": ("parallel_dense", 12, _parallel_chained),
    "streamed_dense": ("streamed_dense", 8, _streamed_dense), "depthwise": ("depthwise", 14, _depthwise),
    "parallel_dense": ("parallel_dense", 14, _parallel_dense),
    "parallel_depthwise": ("parallel_depthwise", 8, _parallel_depthwise),
    "parallel_max_pool": ("parallel_max_pool", 8, _parallel_max_pool), "max_pool": ("max_pool", 10, _max_pool),
    "parallel_window": ("parallel_window", 12, _parallel_window),
    "sliding_window": ("sliding_window", 24, _sliding_window),
    "multiply_shift": ("multiply_shift", 30, _multiply_shift), "round_shift": ("round_shift", 14, _round_shift),
    "half_even": ("half_even", 12, _half_even), "thresholds": ("thresholds", 26, _thresholds),
    "many_multiply_shift": ("multiply_shift", 12, _many_channels(_multiply_shift)),
    "many_round_shift": ("round_shift", 6, _many_channels(_round_shift)),
    "many_thresholds": ("thresholds", 6, _many_channels(_thresholds)), "many_add": ("add", 3, _many_channels(_add)),
    "lookup": ("lookup", 10, _lookup), "add": ("add", 18, _add), "product": ("product", 8, _product),
    "channel_product": ("channel_product", 8, _channel_product), "argmax": ("argmax", 10, _argmax),
    "top_k": ("top_k", 8, _top_k), "concat": ("concat", 8, _concat),
    "parallel_concat": ("parallel_concat", 4, _parallel_concat), "pad": ("pad", 10, _pad),
    "slice": ("slice", 8, _slice), "upsample": ("upsample", 8, _upsample), "reorder": ("reorder", 8, _reorder),
    "width_converter": ("width_converter", 16, _width_converter),
    "row_converter": ("width_converter", 9, _row_converter),
    "fork": ("fork", 4, _fork), "fifo": ("fifo", 30, _fifo),
}  # fmt: skip
"""By name: template, how many on 7-series (a third as many on UltraScale+), and the function that draws one."""
