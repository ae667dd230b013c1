"""Which SystemVerilog module builds a template, what its ports are called, and where its constant arrays go.

A module's parameters have the names of the header's constants; a type ``in_t`` becomes ``IN_T``, its bits, and
``IN_T_SIGNED``. Port lists follow the order of a process's inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from isobit.backends.dataflow.latencies import depth_of_tree
from isobit.backends.dataflow.schedule import Constants


@dataclass(frozen=True)
class RtlUnit:
    """The module of a template.

    ``file``: its source in ``templates/rtl``; ``inputs``, ``outputs``: prefixes of its stream ports; ``arrays``: the
    parameters that take its constant arrays, in the process's order; ``in_files``: those of them that may lie in a file
    of their own; ``parts``: further sources that it instantiates. ``latency``: clocks from an iteration's issue to the
    word that it writes, which is exact here.
    """

    file: str
    latency: Callable[[Constants], int]
    inputs: tuple[str, ...] = ("in",)
    outputs: tuple[str, ...] = ("out",)
    arrays: tuple[str, ...] = ()
    in_files: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()


def _of(clocks: int) -> Callable[[Constants], int]:
    return lambda c: clocks


def _dense(c: Constants) -> int:
    return 3 + depth_of_tree(c["SIMD"])


def _taps(c: Constants) -> int:
    return depth_of_tree(c["KH"] * c["KW"])


_WEIGHTS = frozenset({"WEIGHTS"})
_TWO = ("in_a", "in_b")
_DECODED = ("rom", "sums", "tapered", "weights")
_REQUANTIZER = ("rom", "multiply_add", "clamp")
RTL_UNITS: dict[str, RtlUnit] = {
    "add": RtlUnit("add", _of(3), _TWO, arrays=("KA", "KB"), parts=("rom",)),
    "argmax": RtlUnit("argmax", lambda c: 2 + depth_of_tree(min(c["LANES"], c["FRAME"])), parts=("largest",)),
    "channel_product": RtlUnit("product", _of(2), _TWO),
    "concat": RtlUnit("concat", _of(1), _TWO),
    "dense": RtlUnit("dense", _dense, arrays=("WEIGHTS",), in_files=_WEIGHTS, parts=_DECODED),
    "depthwise": RtlUnit(
        "depthwise",
        lambda c: 3 + depth_of_tree(max(c["PE"] // c["CHANNELS"], 1)),
        arrays=("WEIGHTS",),
        in_files=_WEIGHTS,
        parts=("rom", "sums"),
    ),
    "fork": RtlUnit("fork", _of(0), outputs=("out_a", "out_b")),
    "fork_flag": RtlUnit("stream_io", _of(0), outputs=("out_a", "out_b")),
    "lookup": RtlUnit("lookup", _of(2), arrays=("TABLE",), in_files=frozenset({"TABLE"}), parts=("rom",)),
    "max_pool": RtlUnit("max_pool", _of(2)),
    "multiply_shift": RtlUnit(
        "multiply_shift", _of(4), arrays=("MULTIPLIERS", "OFFSETS", "SHIFTS"), parts=_REQUANTIZER
    ),
    "pad": RtlUnit("pad", _of(1)),
    "parallel_concat": RtlUnit("concat", _of(1), _TWO),
    "parallel_dense": RtlUnit(
        "parallel_dense",
        lambda c: _dense(c) + (c["OUT"] > c["PE"]),
        arrays=("WEIGHTS",),
        in_files=_WEIGHTS,
        parts=_DECODED,
    ),
    "parallel_depthwise": RtlUnit("parallel_depthwise", lambda c: 2 + _taps(c), arrays=("WEIGHTS",), parts=("sums",)),
    "parallel_max_pool": RtlUnit("parallel_max_pool", lambda c: 1 + _taps(c), parts=("largest",)),
    "parallel_window": RtlUnit("parallel_window", _of(2)),
    "product": RtlUnit("product", _of(2), _TWO),
    "read_frame": RtlUnit("stream_io", _of(0), outputs=("out", "last")),
    "read_further_frame": RtlUnit("stream_io", _of(0)),
    "reorder": RtlUnit("reorder", _of(2), arrays=("INDEX",), in_files=frozenset({"INDEX"}), parts=("rom",)),
    "round_shift": RtlUnit("round_shift", _of(5), arrays=("MULTIPLIERS", "OFFSETS"), parts=_REQUANTIZER),
    "slice": RtlUnit("slice", _of(1)),
    "sliding_window": RtlUnit("sliding_window", _of(2)),
    "thresholds": RtlUnit("thresholds", lambda c: 2 + depth_of_tree(c["LEVELS"] + 1), arrays=("START", "CUTS")),
    "top_k": RtlUnit("argmax", _of(2)),
    "upsample": RtlUnit("upsample", _of(2)),
    "width_converter": RtlUnit("width_converter", _of(1)),
    "write_frame": RtlUnit("stream_io", _of(1), inputs=("in", "last")),
}
"""By template name."""

ROUNDINGS = ("ROUND", "HALF_UP", "HALF_DOWN", "CEIL", "FLOOR", "UP", "DOWN")
"""In the order of the module's parameter ``ROUNDING``."""

PLACES = {"": "auto", "auto": "auto", "lutram": "distributed", "srl": "auto", "bram": "block", "uram": "ultra"}
"""Where a memory lies: the plan's word, and the attribute's."""
