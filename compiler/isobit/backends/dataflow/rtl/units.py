"""Which SystemVerilog module builds a template, what its ports are called, and where its constant arrays go.

A module's parameters have the names of the header's constants; a type ``in_t`` becomes ``IN_T``, its bits, and
``IN_T_SIGNED``. Port lists follow the order of a process's inputs and outputs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RtlUnit:
    """The module of a template.

    ``file``: its source in ``templates/rtl``; ``inputs``, ``outputs``: prefixes of its stream ports; ``arrays``: the
    parameters that take its constant arrays, in the process's order; ``in_files``: those of them that may lie in a file
    of their own; ``parts``: further sources that it instantiates.
    """

    file: str
    inputs: tuple[str, ...] = ("in",)
    outputs: tuple[str, ...] = ("out",)
    arrays: tuple[str, ...] = ()
    in_files: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()


_WEIGHTS = frozenset({"WEIGHTS"})
_TWO = ("in_a", "in_b")
RTL_UNITS: dict[str, RtlUnit] = {
    "add": RtlUnit("add", _TWO, arrays=("KA", "KB"), parts=("rom",)),
    "argmax": RtlUnit("argmax", parts=("largest",)),
    "concat": RtlUnit("concat", _TWO),
    "dense": RtlUnit("dense", arrays=("WEIGHTS",), in_files=_WEIGHTS, parts=("rom", "sums")),
    "depthwise": RtlUnit("depthwise", arrays=("WEIGHTS",), in_files=_WEIGHTS, parts=("rom", "sums")),
    "fork": RtlUnit("fork", outputs=("out_a", "out_b")),
    "fork_flag": RtlUnit("stream_io", outputs=("out_a", "out_b")),
    "lookup": RtlUnit("lookup", arrays=("TABLE",), in_files=frozenset({"TABLE"}), parts=("rom",)),
    "max_pool": RtlUnit("max_pool"),
    "multiply_shift": RtlUnit("multiply_shift", arrays=("MULTIPLIERS", "OFFSETS", "SHIFTS"), parts=("rom",)),
    "pad": RtlUnit("pad"),
    "parallel_concat": RtlUnit("concat", _TWO),
    "parallel_dense": RtlUnit("parallel_dense", arrays=("WEIGHTS",), in_files=_WEIGHTS, parts=("rom", "sums")),
    "parallel_depthwise": RtlUnit("parallel_depthwise", arrays=("WEIGHTS",), parts=("sums",)),
    "parallel_max_pool": RtlUnit("parallel_max_pool", parts=("largest",)),
    "parallel_window": RtlUnit("parallel_window"),
    "read_frame": RtlUnit("stream_io", outputs=("out", "last")),
    "read_further_frame": RtlUnit("stream_io"),
    "reorder": RtlUnit("reorder", arrays=("INDEX",), in_files=frozenset({"INDEX"}), parts=("rom",)),
    "round_shift": RtlUnit("round_shift", arrays=("MULTIPLIERS", "OFFSETS"), parts=("rom",)),
    "slice": RtlUnit("slice"),
    "sliding_window": RtlUnit("sliding_window"),
    "thresholds": RtlUnit("thresholds", arrays=("START", "CUTS")),
    "top_k": RtlUnit("argmax"),
    "upsample": RtlUnit("upsample"),
    "width_converter": RtlUnit("width_converter"),
    "write_frame": RtlUnit("stream_io", inputs=("in", "last")),
}
"""By template name."""

ROUNDINGS = ("ROUND", "HALF_UP", "HALF_DOWN", "CEIL", "FLOOR", "UP", "DOWN")
"""In the order of the module's parameter ``ROUNDING``."""

PLACES = {"": "auto", "auto": "auto", "lutram": "distributed", "srl": "auto", "bram": "block", "uram": "ultra"}
"""Where a memory lies: the plan's word, and the attribute's."""
