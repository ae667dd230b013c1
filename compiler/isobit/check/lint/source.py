"""C++ sources cut into functions, loops, statements and pragmas: as much of the language as :mod:`lint` looks at.

No preprocessor runs: both branches of an ``#if`` are read. Comments and strings are blanked out first, character for
character, so that line numbers stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_BLANKED = re.compile(r'^[ \t]*#[ \t]*include[^\n]*|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL | re.MULTILINE)
_FUNCTION = re.compile(r"([A-Za-z_~][\w:]*|operator *[^\s\w]+)\s*\(")
_NOT_FUNCTIONS = frozenset(["if", "for", "while", "switch", "catch", "do", "else", "return", "static_assert"])


@dataclass(frozen=True)
class Item:
    """One thing in a body, in order: ``kind`` is ``statement``, ``pragma``, ``include`` or ``block``."""

    kind: str
    text: str
    line: int
    body: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Function:
    """A function with a body: its name without scope, its parameters' texts, and what stands before the name."""

    name: str
    head: str
    parameters: tuple[str, ...]
    line: int
    body: tuple[Item, ...]
    path: Path

    @property
    def is_constexpr(self) -> bool:
        return re.search(r"\bconstexpr\b", self.head) is not None

    def takes(self, count: int) -> bool:
        """Can it be called with ``count`` arguments? A parameter pack stands for any number."""
        packed = bool(self.parameters) and "..." in self.parameters[-1]
        return count >= len(self.parameters) - 1 if packed else count == len(self.parameters)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Declared names: the last identifier before an array bound or a default."""
        names = (re.search(r"(\w+)\)?\s*(?:\[.*)?$", p.partition("=")[0].strip(), re.DOTALL) for p in self.parameters)
        return tuple(m[1] if m else "" for m in names)


@dataclass(frozen=True)
class Source:
    """A file: the items outside any function, and its functions."""

    path: Path
    items: tuple[Item, ...]
    functions: tuple[Function, ...] = field(default=())


def read_source(path: Path) -> Source:
    """Cut up one file."""
    text = _BLANKED.sub(_blank, path.read_text(encoding="utf-8", errors="replace"))
    items, _ = _items(text, 0, 1)
    outside: list[Item] = []
    functions: list[Function] = []
    _collect(items, path, outside, functions)
    return Source(path, tuple(outside), tuple(functions))


def walk(items: tuple[Item, ...]) -> Iterator[Item]:
    """Every item, and those within blocks, in the order of the text."""
    for item in items:
        yield item
        yield from walk(item.body)


def arguments(text: str) -> tuple[str, ...]:
    """A comma-separated list, cut at the commas that stand outside all brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{<") - (c in ")]}>")
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return tuple(p for p in (*parts, text[start:].strip()) if p)


def _blank(match: re.Match[str]) -> str:
    """Newlines and includes stay, everything else becomes a space."""
    if match[0].lstrip().startswith("#"):
        return match[0]
    return "".join(c if c == "\n" else " " for c in match[0])


def _items(text: str, at: int, line: int) -> tuple[list[Item], int]:
    """The items from ``at`` to the brace that closes their block; and where that is."""
    items: list[Item] = []
    start, start_line, round_depth = at, line, 0
    while at < len(text):
        c = text[at]
        if not text[start:at].strip():
            start, start_line = at, line
        if c == "#" and not text[start:at].strip():
            end = _line_end(text, at)
            items += _directive(text[at:end], line)
            line += text.count("\n", at, end)
            at = start = end
            continue
        round_depth += (c == "(") - (c == ")")
        if c == ";" and round_depth == 0:
            items.append(Item("statement", text[start:at].strip(), start_line))
            start = at + 1
        elif c == "{" and round_depth == 0:
            body, end = _items(text, at + 1, line)
            items.append(Item("block", text[start:at].strip(), start_line, tuple(body)))
            line += text.count("\n", at, end)
            at, start = end, end + 1
        elif c == "}" and round_depth == 0:
            if text[start:at].strip():
                items.append(Item("statement", text[start:at].strip(), start_line))
            return items, at
        line += at < len(text) and text[at] == "\n"
        at += 1
    return items, at


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    while end > 0 and text[end - 1] == "\\":
        end = text.find("\n", end + 1)
    return len(text) if end < 0 else end


def _directive(text: str, line: int) -> list[Item]:
    words = text.replace("\\\n", " ").lstrip("# ").split(None, 1)
    kind = {"pragma": "pragma", "include": "include"}.get(words[0] if words else "")
    return [Item(kind, words[1].strip() if len(words) > 1 else "", line)] if kind else []


def _collect(items: list[Item] | tuple[Item, ...], path: Path, outside: list[Item], functions: list[Function]) -> None:
    """Functions at any depth of namespaces and classes; everything else goes to ``outside``."""
    for item in items:
        function = _function(item, path) if item.kind == "block" else None
        if function is not None:
            functions.append(function)
        elif item.kind == "block" and re.search(r"\b(namespace|struct|class|extern)\b[^()]*$", item.text):
            outside.append(Item("statement", item.text, item.line))
            _collect(item.body, path, outside, functions)
        else:
            outside.append(item)


def _function(item: Item, path: Path) -> Function | None:
    # The brackets of a template may hold calls.
    start = closing(item.text, item.text.find("<")) if re.match(r"template\s*<", item.text) else 0
    match = _FUNCTION.search(item.text, start)
    if match is None or match[1] in _NOT_FUNCTIONS or item.text.endswith("="):
        return None
    inside = item.text[match.end() : closing(item.text, match.end() - 1) - 1]
    return Function(
        match[1].rpartition("::")[2], item.text[: match.start()], arguments(inside), item.line, item.body, path
    )


def closing(text: str, opening: int) -> int:
    """The position behind the bracket that closes the one at ``opening``."""
    bracket, depth = text[opening], 0
    other = {"(": ")", "<": ">"}[bracket]
    for i in range(opening, len(text)):
        depth += (text[i] == bracket) - (text[i] == other)
        if depth == 0:
            return i + 1
    return len(text)


def calls(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Function calls in a statement with their arguments, a macro's argument included."""
    for match in re.finditer(r"\b([A-Za-z_]\w*)\s*(?:<[^;{}()]*>)?\s*\(", text):
        yield match[1], arguments(text[match.end() : closing(text, match.end() - 1) - 1])
