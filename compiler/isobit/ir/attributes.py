"""A node's attributes as text, in canonical form: what is printed of it, and what is hashed.

Attribute values are JSON; integers are exact, rationals are ``"p/q"`` strings, large arrays are compressed base64. In
the text that is hashed (:func:`meaning`) a large array stands as the SHA-256 of its raw values: what a compressor makes
of them is no part of a graph's meaning.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import MISSING, fields
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from isobit.ir.curve_record import curve_record
from isobit.ir.memo import per_node
from isobit.ir.ops import HostOp, Node, Quantiser
from isobit.ir.types import IntArray
from isobit.numerics import Curve

_INLINE = 64
_SHOWN = 8
Form = Literal["full", "short", "hashed"]


@per_node
def meaning(node: Node) -> str:
    """The node's attributes as text for hashing: the full text, with arrays of more than 64 elements as hashes."""
    return attribute_text(node, "hashed")


def attribute_text(node: Node, form: Form) -> str:
    """The node's meaning beyond operation and inputs, in canonical form; defaults are left out."""
    defaults = {f.name: f.default for f in fields(node) if f.default is not MISSING}
    shown = [(k, v) for k, v in node.attributes().items() if k not in defaults or v != defaults[k]]
    return " ".join(f"{key}={dump(_encode(value, form))}" for key, value in shown)


def dump(value: Any) -> str:
    """A value as JSON in one line, ASCII only, without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def _encode(value: Any, form: Form) -> Any:
    if isinstance(value, np.ndarray):
        return _encode_array(value, form)
    if isinstance(value, Curve):
        return curve_record(value, lambda cuts: _encode_array(cuts, form))
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, HostOp):
        return {"kind": value.kind, "values": [float(v).hex() for v in value.values], "shape": list(value.shape)}
    if isinstance(value, Quantiser):
        floats = {k: [float(v).hex() for v in getattr(value, k)] for k in ("scale", "zero_point")}
        shift = {"shift": value.shift} if value.shift else {}
        return {**floats, "rounding": value.rounding, "lo": value.lo, "hi": value.hi, **shift}
    if isinstance(value, tuple):
        whole = form != "short" or len(value) <= _SHOWN
        items = [_encode(v, form) for v in (value if whole else value[:_SHOWN])]
        return items if whole else [*items, f"... {len(value) - _SHOWN} more"]
    return value


def _encode_array(array: IntArray, form: Form) -> Any:
    if array.size <= (_SHOWN if form == "short" else _INLINE):
        return array.tolist()
    kind, raw = raw_values(array)
    if form == "full":
        # runs and Huffman codes: weights repeat no strings, and to look for such takes ten times as long
        packer = zlib.compressobj(6, strategy=zlib.Z_RLE)
        packed = packer.compress(raw) + packer.flush()
        return {"shape": list(array.shape), "kind": kind, "z": base64.b64encode(packed).decode()}
    if form == "hashed":
        return {"shape": list(array.shape), "kind": kind, "sha256": hashlib.sha256(raw).hexdigest()}
    return f"<{'x'.join(map(str, array.shape))} sha256:{hashlib.sha256(kind.encode() + raw).hexdigest()[:12]}>"


def raw_values(array: IntArray) -> tuple[str, bytes]:
    """The elements in row-major order as bytes: of the narrowest little-endian kind that holds them all (``<i1``,
    ``<i2``, ``<i4``, ``<i8``), or as ``text``, decimal numbers with commas between them."""
    flat = array.reshape(-1)
    lo, hi = int(flat.min()), int(flat.max())
    for size in (1, 2, 4, 8):
        if -(1 << 8 * size - 1) <= lo and hi < 1 << 8 * size - 1:
            return f"<i{size}", flat.astype(f"<i{size}").tobytes()
    return "text", ",".join(str(int(v)) for v in flat).encode()
