"""Reading the text of :mod:`isobit.ir.text` back into a graph."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.ir.channels import Curves
from isobit.ir.curve_record import read_curve, read_rational
from isobit.ir.facts import read_fact
from isobit.ir.graph import Graph
from isobit.ir.legality import MOST_ELEMENTS
from isobit.ir.ops import OPS, HostOp, Node, Quantiser, frozen_ints
from isobit.ir.text import HEADER
from isobit.ir.types import IntArray
from isobit.ir.verify import verify

_LINE = re.compile(r"(?P<name>[A-Za-z_]\w*) : (?P<type>.*?) = (?P<op>[a-z]+)\((?P<inputs>[\w, ]*)\)(?P<rest>.*)")
_KEY = re.compile(r" (\w+)=")


def parse_graph(text: str) -> Graph:
    """Read the full text of :func:`isobit.ir.print_graph` back.

    Raises:
        IsobitError: E402 with the line number when the text is not a graph; E401 when the graph is not well formed.
    """
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
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, zlib.error) as error:
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
    kind = value["kind"]
    if kind not in ("<i1", "<i2", "<i4", "<i8", "text"):
        raise ValueError(f"no array has the kind {kind!r}")
    raw = zlib.decompressobj().decompress(base64.b64decode(value["z"], validate=True), MOST_ELEMENTS << 3)
    if kind == "text":
        flat = np.array([int(v) for v in raw.decode().split(",")], dtype=object)
    else:
        flat = np.frombuffer(raw, dtype=np.dtype(kind)).astype(np.int64)
    return frozen_ints(flat.reshape(value["shape"]))


def _floats(values: list[str]) -> tuple[float, ...]:
    return tuple(float.fromhex(v) for v in values)


def _decode_quantiser(value: Mapping[str, Any]) -> Quantiser:
    integers = value["lo"], value["hi"], value.get("shift", 0)
    return Quantiser(_floats(value["scale"]), _floats(value["zero_point"]), value["rounding"], *integers)


_DECODERS: dict[str, Any] = {
    "lo": _decode_array,
    "hi": _decode_array,
    "values": _decode_array,
    "index": _decode_array,
    "coefficients": lambda v: tuple(_decode_array(a) for a in v),
    "curves": lambda v: Curves(read_curve(c, _decode_array) for c in v),
    "scale": lambda v: tuple(read_rational(s) for s in v),
    "offset": lambda v: tuple(read_rational(s) for s in v),
    "host": lambda v: tuple(HostOp(h["kind"], _floats(h["values"]), tuple(h["shape"])) for h in v),
    "quantiser": _decode_quantiser,
    "facts": lambda v: tuple(read_fact(f) for f in v),
}
# `value` is an array in a const and a number in a pad; both come back right from their JSON form.
_DECODERS["value"] = lambda v: v if isinstance(v, int) else _decode_array(v)
