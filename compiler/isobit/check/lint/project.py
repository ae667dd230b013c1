"""What the lint looks at, the sources together, and what it finds there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from isobit.check.lint.source import Function, Source, walk
from isobit.errors import printable


@dataclass(frozen=True)
class Finding:
    """A place and what is wrong there."""

    rule: str
    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{printable(self.path.name)}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Project:
    """The sources that Vitis HLS synthesises together."""

    sources: tuple[Source, ...]

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        return tuple(f for s in self.sources for f in s.functions)

    @cached_property
    def constants(self) -> frozenset[str]:
        """Names of constants and constexpr functions outside functions."""
        declared = (constant_name(i.text) for s in self.sources for i in walk(s.items))
        return frozenset(d for d in declared if d) | {f.name for f in self.functions if f.is_constexpr}

    def named(self, name: str, parameters: int) -> Function | None:
        return next((f for f in self.functions if f.name == name and f.takes(parameters)), None)


def constant_name(text: str) -> str:
    """The name that a declaration of a compile-time constant declares, or ""."""
    match = re.match(r"(?:static\s+const\b|constexpr\b|static\s+constexpr\b)[^=(]*?(\w+)\s*(?:\[[^=]*)?(?:=|$)", text)
    return match[1] if match else ""
