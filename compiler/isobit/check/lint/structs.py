"""Rules about words of several elements: how they may be stored, and how they travel."""

from __future__ import annotations

import re
from collections.abc import Iterator

from isobit.check.lint.project import Finding, Project
from isobit.check.lint.source import Function, Item, walk

_TYPE = r"(?:(?:static|const|typename)\s+)*([\w:]+)\s*(?:<.*>)?"
_LOCAL = re.compile(rf"{_TYPE}\s+(\w+)\s*\[")
_PARAMETER = re.compile(rf"{_TYPE}\s*\(\s*&\s*(\w+)\s*\)\s*\[")
_TYPEDEF = re.compile(rf"typedef\s+{_TYPE}\s+(\w+)$")
_STREAM = re.compile(rf"hls\s*::\s*stream\s*<\s*{_TYPE}.*>\s*(\w+)\s*(?:\(|$)")


def struct_arrays(project: Project) -> Iterator[Finding]:
    """``struct-array``: memories are arrays of elements, reshaped, and not of structs.

    An array of structs is aggregated, which Vitis HLS refuses beyond 4096 bits, and a DEPENDENCE pragma on it has no
    effect.
    """
    structs = _structs(project)
    for f in project.functions:
        for line, declared in _arrays(f):
            if _base(declared[1]) in structs and not declared[1].startswith("Cfg::"):
                said = f"{declared[2]} is an array of structs: make it one of elements and reshape it"
                yield Finding("struct-array", f.path, line, said)


def loose_words(project: Project) -> Iterator[Finding]:
    """``aggregate``: a stream of structs in a dataflow region says how their elements lie: bit by bit."""
    structs = _structs(project)
    for f in project.functions:
        pragmas = [i.text.split()[1:] for i in f.body if i.kind == "pragma"]
        if ["DATAFLOW"] not in [words[:1] for words in pragmas]:
            continue
        packed = {tuple(sorted(words[1:])) for words in pragmas if words[:1] == ["AGGREGATE"]}
        for item in f.body:
            stream = _STREAM.match(item.text)
            if stream and _base(stream[1]) in structs and ("compact=bit", f"variable={stream[2]}") not in packed:
                yield Finding("aggregate", f.path, item.line, f"{stream[2]} needs AGGREGATE with compact=bit")


def _structs(project: Project) -> set[str]:
    """Names of the project's structs, and of types that are one of them by another name."""
    outside = [i for s in project.sources for i in walk(s.items)]
    inside = [i for f in project.functions for i in walk(f.body)]
    found = {name for i in outside for name in re.findall(r"\bstruct\s+(\w+)", i.text)}
    aliases = [m for i in (*outside, *inside) if (m := _TYPEDEF.match(i.text))]
    while new := {m[2] for m in aliases if _base(m[1]) in found} - found:
        found |= new
    return found


def _arrays(f: Function) -> Iterator[tuple[int, re.Match[str]]]:
    """Arrays that a function declares or takes: line, and a match of type and name."""
    found: list[tuple[int, re.Match[str] | None]] = [(f.line, _PARAMETER.match(p)) for p in f.parameters]
    found += [(item.line, _LOCAL.match(item.text)) for item in _statements(f)]
    return ((line, match) for line, match in found if match)


def _statements(f: Function) -> Iterator[Item]:
    return (item for item in walk(f.body) if item.kind in ("statement", "block"))


def _base(name: str) -> str:
    """A type's name without its scope."""
    return name.rpartition("::")[2]
