"""The graph as text: one line per value, and the parser that reads it back.

    name : [64] u4{0..15} = step(fc1) curves=[{"m":5,"c":16,"k":9,"clamp":[0,15]}] source=["relu1"]

Attribute values are JSON; integers are exact, rationals are ``"p/q"`` strings, large arrays are compressed base64.
``full=False`` shortens arrays and curve lists for reading (not parseable); the type is a comment for the reader and is
inferred again by the parser.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import MISSING, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from isobit.ir.ops import HostOp, Node, Quantiser
from isobit.ir.types import IntArray
from isobit.numerics import Curve, MultiplyShift, Rounded

if TYPE_CHECKING:
    from isobit.ir.graph import Graph

HEADER = "isobit graph 1"
_INLINE = 64
_SHOWN = 8


def print_graph(graph: Graph, *, full: bool = True) -> str:
    """The whole graph, one line per value, ending with a newline."""
    lines = [HEADER]
    for node in graph.nodes:
        extra = "".join(f" {k}={_dump(list(v))}" for k, v in (("source", node.source), ("rules", node.rules)) if v)
        head = f"{node.name} : {graph.types[node.name]} = {node.op}({', '.join(node.inputs)})"
        attributes = attributes_text(node, full=full)
        lines.append(head + (" " + attributes if attributes else "") + extra)
    return "\n".join(lines) + "\n"


def attributes_text(node: Node, *, full: bool = True) -> str:
    """The node's meaning beyond operation and inputs, in canonical form; defaults are left out."""
    defaults = {f.name: f.default for f in fields(node) if f.default is not MISSING}
    shown = [(k, v) for k, v in node.attributes().items() if k not in defaults or v != defaults[k]]
    return " ".join(f"{key}={_dump(_encode(value, full))}" for key, value in shown)


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def _encode(value: Any, full: bool) -> Any:
    if isinstance(value, np.ndarray):
        return _encode_array(value, full)
    if isinstance(value, Curve):
        return _encode_curve(value, full)
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, HostOp):
        return {"kind": value.kind, "values": [float(v).hex() for v in value.values], "shape": list(value.shape)}
    if isinstance(value, Quantiser):
        floats = {k: [float(v).hex() for v in getattr(value, k)] for k in ("scale", "zero_point")}
        return {**floats, "rounding": value.rounding, "lo": value.lo, "hi": value.hi}
    if isinstance(value, tuple):
        items = [_encode(v, full) for v in (value if full else value[:_SHOWN])]
        return items if full or len(value) <= _SHOWN else [*items, f"... {len(value) - _SHOWN} more"]
    return value


def _encode_array(array: IntArray, full: bool) -> Any:
    if array.size <= (_INLINE if full else _SHOWN):
        return array.tolist()
    flat = array.reshape(-1)
    if array.dtype == object:
        text = ",".join(str(int(v)) for v in flat).encode()
        kind = "text"
    else:
        dtype = next(t for t in ("<i1", "<i2", "<i4", "<i8") if _holds(t, flat))
        text, kind = flat.astype(dtype).tobytes(), dtype
    if not full:
        return f"<{'x'.join(map(str, array.shape))} sha256:{hashlib.sha256(kind.encode() + text).hexdigest()[:12]}>"
    return {"shape": list(array.shape), "kind": kind, "z": base64.b64encode(zlib.compress(text, 6)).decode()}


def _holds(dtype: str, flat: IntArray) -> bool:
    info = np.iinfo(dtype)
    return bool(flat.min() >= info.min and flat.max() <= info.max)


def _encode_curve(curve: Curve, full: bool) -> Any:
    if isinstance(curve, MultiplyShift):
        return {"m": curve.m, "c": curve.c, "k": curve.k, "clamp": [curve.lo, curve.hi]}
    if isinstance(curve, Rounded):
        return {
            "mul": str(curve.mult), "add": str(curve.offset),
            "round": curve.rounding.name, "clamp": [curve.lo, curve.hi],
        }  # fmt: skip
    return {"start": curve.start, "cuts": _encode_array(curve.cuts(), full)}
