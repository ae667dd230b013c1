"""What a file's schema says is wrong with it, in isobit's words: the key, what stands there, what may, and the line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from isobit.errors import IsobitError, did_you_mean, printable

_KINDS = {
    "int": "a whole number", "float": "a number", "string": "a text", "bool": "true or false", "dict": "a table",
    "model": "a table", "list": "a list", "tuple": "a list", "finite": "a finite number", "dataclass": "a table",
}  # fmt: skip
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most"),
    "greater_than": ("gt", "more than"), "less_than": ("lt", "less than"),
}  # fmt: skip


def worded(found: Mapping[str, Any]) -> str:
    """One of pydantic's errors (``error.errors()[0]``) as a line: ``layers.conv1.pe = "four": a whole number``."""
    kind, context = str(found["type"]), found.get("ctx", {})
    key = printable(".".join(map(str, found["loc"]))) or "the whole"
    if kind == "extra_forbidden":
        return f"{key}: there is no such key"
    if kind == "missing":
        return f"{key} is missing"
    if kind == "value_error":
        return f"{key}: {printable(context['error'])}" if found["loc"] else printable(context["error"])
    given = f"{key} = {printable(repr(found['input']), 40)}"
    if kind == "literal_error":
        return f"{given}: {context['expected']}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{given}: {words} {context[name]}"
    return f"{given}: {_KINDS.get(kind.partition('_')[0], printable(found['msg']))}"


def refusal(
    error: ValidationError, path: Path, text: str, keys: Mapping[str, type[BaseModel]], code: str = "E503"
) -> IsobitError:  # fmt: skip
    """The first of a TOML file's errors, with its line; ``keys`` are the schemas of its tables, "" of the outermost."""
    first = error.errors()[0]
    *outer, key = map(str, first["loc"] or ("",))
    table = ".".join(outer)
    known = keys.get(table.partition(".")[0], keys[""]).model_fields
    hint = did_you_mean(key, known) if first["type"] == "extra_forbidden" else ""
    return IsobitError(code, worded(first), where=place_in(path, text, table, key), hint=hint)


def place_in(path: Path, text: str, table: str, key: str) -> str:
    """The file, and the line of a key where it can be found."""
    number = line_of(text, table, key) if table or key else 0
    return f"{printable(path)}, line {number}" if number else printable(path)


def line_of(text: str, table: str, key: str) -> int:
    """The number of the line of ``key`` (without one of the header) in a table of a TOML text; 0 for none."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header, name = re.match(r"\s*\[([^\]]*)\]", line), re.match(r"\s*([^\s=#]+)\s*=", line)
        if header:
            current = header[1].replace('"', "").replace(" ", "")
        if header and current == ".".join(filter(None, (table, key))):
            return number
        if current == table and name and key and name[1].strip('"') == key:
            return number
    return 0
