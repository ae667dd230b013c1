"""``rewind``: a pipelined loop follows itself from frame to frame, under the conditions of Vitis HLS for that.

The messages that Vitis gives otherwise, and builds a loop that drains between frames: 200-950 and 200-959 (code before
the loop), 200-953 (``continue``), 200-954 (several loops), 207-5512 (``style=frp``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from isobit.check.lint.project import Finding, Project
from isobit.check.lint.source import Function, Item, arguments, closing, walk

_DECLARATION = re.compile(r"(?:(?:typename|const)\s+)?[A-Za-z_][\w:]*(?:<.*>)?(?:::\w+)*\s+\w+")
_FREE = ("static const ", "static_assert", "typedef ", "constexpr ")
_CONSTANT = re.compile(r"(true|false|-?\w+(?:::\w+)*)(\s*,.*)?$")


def rewinds(project: Project) -> Iterator[Finding]:
    """Every function with a pipelined loop is that loop, with declarations and constants before it."""
    for f in project.functions:
        loops = [item for item in f.body if _pipelined(item) is not None]
        if loops:
            yield from (Finding("rewind", f.path, line, message) for line, message in _problems(project, f, loops[0]))


def _pipelined(item: Item) -> list[str] | None:
    """The options of the PIPELINE pragma at the head of a loop."""
    if item.kind != "block" or not re.match(r"for\b", item.text):
        return None
    pragmas = (i.text.split() for i in item.body if i.kind == "pragma")
    return next((words[2:] for words in pragmas if words[:2] == ["HLS", "PIPELINE"]), None)


def _problems(project: Project, f: Function, loop: Item) -> Iterator[tuple[int, str]]:
    options = _pipelined(loop) or []
    if "off" not in options and "rewind" not in options:
        yield loop.line, "the loop drains between frames: PIPELINE needs rewind"
    if "style=frp" in options:
        yield loop.line, "style=frp cannot rewind"
    if any(re.search(r"\bcontinue\b", item.text) for item in walk(loop.body)):
        yield loop.line, "a loop with continue cannot rewind"
    place = f.body.index(loop)
    for item in f.body[:place]:
        if item.kind == "block" or (item.kind == "statement" and not _harmless(project, item.text)):
            yield item.line, f"in front of a loop that rewinds: {item.text}"
    for item in f.body[place + 1 :]:
        if item.kind != "pragma":
            yield item.line, "a function with a loop that rewinds ends with it"


def _harmless(project: Project, text: str) -> bool:
    """Declares, at most with constants, or calls what holds only pragmas."""
    called = re.match(r"[\w:<>, ]*?(\w+)\s*(?:<[^()]*>)?\s*\(", text)
    if text.startswith(_FREE) or text == "":
        return True
    if called is not None and "=" not in text:
        given = arguments(text[called.end() : closing(text, called.end() - 1) - 1])
        function = project.named(called[1], len(given))
        return function is not None and all(i.kind == "pragma" or i.text.startswith("(void)") for i in function.body)
    declared, _, value = text.partition("=")
    return _DECLARATION.match(declared) is not None and ("=" not in text or _CONSTANT.match(value.strip()) is not None)
