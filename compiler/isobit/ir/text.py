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
import re
import zlib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.ir.ops import OPS, HostOp, Node, Quantiser, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import Curve, Cuts, MultiplyShift, Rounded, Rounding

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


# ------------------------------------------------------------------------------------------------------------ parsing

_LINE = re.compile(r"(?P<name>[A-Za-z_]\w*) : (?P<type>.*?) = (?P<op>[a-z]+)\((?P<inputs>[\w, ]*)\)(?P<rest>.*)")
_KEY = re.compile(r" (\w+)=")


def parse_graph(text: str) -> Graph:
    """Read :func:`print_graph`'s full text back.

    Raises:
        IsobitError: E402 with the line number when the text is not a graph; E401 when the graph is not well formed.
    """
    from isobit.ir.graph import Graph
    from isobit.ir.verify import verify

    lines = text.splitlines()
    if not lines or lines[0] != HEADER:
        raise IsobitError("E402", f"the first line must be {HEADER!r}", where="line 1")
    nodes = [_parse_line(line, number) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    return verify(Graph(tuple(nodes)))


def _parse_line(line: str, number: int) -> Node:
    try:
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError("expected `name : type = op(inputs) key=value ...`")
        cls = OPS[match["op"]]
        inputs = tuple(i for i in match["inputs"].split(", ") if i)
        values = {k: _decode(k, v) for k, v in _parse_values(match["rest"]).items()}
        return cls(name=match["name"], inputs=inputs, **values)
    except (ValueError, KeyError, TypeError, IndexError, ZeroDivisionError, zlib.error) as error:
        raise IsobitError("E402", printable(f"{type(error).__name__}: {error}"), where=f"line {number}") from error


def _parse_values(rest: str) -> dict[str, Any]:
    decoder, values, position = json.JSONDecoder(), {}, 0
    while position < len(rest):
        key = _KEY.match(rest, position)
        if key is None:
            raise ValueError(f"expected ` key=value` at column {position}")
        values[key[1]], position = decoder.raw_decode(rest, key.end())
    return values


def _decode(key: str, value: Any) -> Any:
    return _DECODERS.get(key, _plain)(value)


def _plain(value: Any) -> Any:
    return tuple(_plain(v) for v in value) if isinstance(value, list) else value


def _decode_array(value: Any) -> IntArray:
    if isinstance(value, list):
        return frozen_ints(np.array(value, dtype=object))
    raw = zlib.decompress(base64.b64decode(value["z"], validate=True))
    if value["kind"] == "text":
        flat = np.array([int(v) for v in raw.decode().split(",")], dtype=object)
    else:
        flat = np.frombuffer(raw, dtype=np.dtype(value["kind"])).astype(np.int64)
    return frozen_ints(flat.reshape(value["shape"]))


def _decode_curve(value: Mapping[str, Any]) -> Curve:
    if "m" in value:
        return MultiplyShift(value["m"], value["c"], value["k"], *value["clamp"])
    if "mul" in value:
        rounding = Rounding[value["round"]]
        return Rounded(Fraction(value["mul"]), Fraction(value["add"]), rounding, *value["clamp"])
    return Cuts(value["start"], _decode_array(value["cuts"]))


def _floats(values: list[str]) -> tuple[float, ...]:
    return tuple(float.fromhex(v) for v in values)


def _decode_quantiser(value: Mapping[str, Any]) -> Quantiser:
    return Quantiser(_floats(value["scale"]), _floats(value["zero_point"]), value["rounding"], value["lo"], value["hi"])


_DECODERS: dict[str, Any] = {
    "lo": _decode_array,
    "hi": _decode_array,
    "values": _decode_array,
    "index": _decode_array,
    "coefficients": lambda v: tuple(_decode_array(a) for a in v),
    "curves": lambda v: tuple(_decode_curve(c) for c in v),
    "scale": lambda v: tuple(Fraction(s) for s in v),
    "offset": lambda v: tuple(Fraction(s) for s in v),
    "host": lambda v: tuple(HostOp(h["kind"], _floats(h["values"]), tuple(h["shape"])) for h in v),
    "quantiser": _decode_quantiser,
}
# `value` is an array in a const and a number in a pad; both come back right from their JSON form.
_DECODERS["value"] = lambda v: v if isinstance(v, int) else _decode_array(v)
