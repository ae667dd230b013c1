"""A rule about constant arrays: what is split into its elements is no argument."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod

from isobit.check.lint.project import Finding, Project, constant_name
from isobit.check.lint.source import Function, calls, walk

MOST_PORTS = 1024
"""Elements that a partitioned argument may have: beyond, Vivado HLS stops (XFORM 203-103)."""


def many_ports(project: Project) -> Iterator[Finding]:
    """``ports``: a constant array that a function splits completely has few elements, or the function is inlined.

    Each element of a partitioned argument is a port of its own.
    """
    sizes = dict(_sizes(project))
    for f in project.functions:
        for item in walk(f.body):
            for name, given in calls(item.text) if item.kind == "statement" else ():
                called = project.named(name, len(given))
                for number, argument in enumerate(given if called else ()):
                    if called and argument in sizes and _ports(called, number, sizes[argument]) > MOST_PORTS:
                        said = f"{argument} becomes {_ports(called, number, sizes[argument]):,} ports of {name}"
                        yield Finding("ports", f.path, item.line, f"{said}: inline it where the array is named")


def _sizes(project: Project) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The constant arrays outside functions, and their sizes where these are written as numbers."""
    for item in (i for source in project.sources for i in walk(source.items)):
        name = constant_name(item.text)
        sizes = re.search(rf"\b{name}((?:\[\d+\])+)", item.text) if name else None
        if sizes:
            yield name, tuple(int(n) for n in re.findall(r"\d+", sizes[1]))


def _ports(f: Function, number: int, sizes: tuple[int, ...]) -> int:
    """The ports that an array becomes as this parameter of a function; 1 where it stays a memory."""
    pragmas = [i.text.split()[1:] for i in f.body if i.kind == "pragma"]
    variable = f"variable={f.parameter_names[min(number, len(f.parameters) - 1)]}"
    if ["INLINE"] in pragmas:
        return 1
    split = [words for words in pragmas if words[0] == "ARRAY_PARTITION" and {variable, "complete"} <= {*words}]
    ports = 1
    for words in split:
        dim = int(next((w.partition("=")[2] for w in words if w.startswith("dim=")), "1"))
        ports *= prod(sizes) if dim == 0 else sizes[dim - 1]
    return ports
