"""A study file: what may vary, the model, and how good a build is.

    parameters = {"bits": [2, 4, 8], "rescale_bits": [4, 8], "max_util": (0.1, 0.6)}
    options = {"board": "pynq-z1"}

    def model(bits):
        ...                                # anything that isobit.compile takes

    def accuracy(build):
        ...                                # the number that is to be large

A parameter is a list of choices or a pair of limits, both included. One that is named like a keyword of
:func:`isobit.compile` is given to it, every other to ``model``. In the place of ``accuracy`` there may be ``inputs``
and ``labels``, files beside the study as ``isobit accuracy`` takes them. The file is the user's own program and runs
as one.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isobit.api.build import Build
from isobit.api.compile import compile as compile_model
from isobit.api.functions import accuracy as accuracy_of
from isobit.errors import IsobitError, printable

_FIXED = {"source", "output", "progress", "plan_request"}
Choice = str | int | float | bool | None


@dataclass(frozen=True)
class StudyFile:
    """The text of a study and where it lies: what is sent to a worker."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> StudyFile:
        """The file's text.

        Raises:
            IsobitError: E621 when it cannot be read.
        """
        try:
            return cls(path.resolve(), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise IsobitError("E621", printable(error), where=printable(path)) from error

    def load(self) -> Study:
        """Run it and take what it defines.

        Raises:
            IsobitError: E621 naming what is missing, wrong, or raised.
        """
        if (folder := str(self.path.parent)) not in sys.path:
            sys.path.insert(0, folder)
        names: dict[str, Any] = {"__file__": str(self.path), "__name__": "study"}
        try:
            exec(compile(self.text, str(self.path), "exec"), names)
        except (Exception, SystemExit) as error:
            what = f"it raised {type(error).__name__}: {printable(error)}"
            raise _wrong(self.path, what, "run it by itself") from error
        return Study.of(names, self.path)


@dataclass(frozen=True)
class Study:
    """What a study file defines, checked; ``lists`` has the choices of a parameter, ``ranges`` its limits."""

    lists: Mapping[str, tuple[Choice, ...]]
    ranges: Mapping[str, tuple[float, float]]
    options: Mapping[str, Any]
    model: Any
    score: Callable[[Build], float]

    @classmethod
    def of(cls, names: Mapping[str, Any], path: Path) -> Study:
        """The study that these names define."""
        parameters, model = names.get("parameters"), names.get("model")
        if not isinstance(parameters, Mapping) or not parameters:
            raise _wrong(path, "no parameters", 'parameters = {"bits": [2, 4, 8]}')
        if model is None:
            raise _wrong(path, "no model", "def model(bits): ..., or a file's name")
        lists = {str(k): tuple(v) for k, v in parameters.items() if isinstance(v, list) and v}
        ranges = {str(k): (v[0], v[1]) for k, v in parameters.items() if _is_range(v)}
        if unknown := [k for k in parameters if k not in lists and k not in ranges]:
            what = f"parameter {printable(unknown[0])!r} is no list and no pair of limits"
            raise _wrong(path, what, "[2, 4] or (0.1, 0.6)")
        for name, choices in lists.items():
            if not all(c is None or isinstance(c, Choice) for c in choices):
                raise _wrong(path, f"a choice of {printable(name)!r} is no number, text or None", "name it by one")
        options = dict(names.get("options", {}))
        if both := sorted(set(options) & set(parameters)):
            raise _wrong(path, f"{printable(both[0])!r} is an option and a parameter", "leave one out")
        return cls(lists, ranges, options, model, _score(names, path))

    @property
    def size(self) -> int | None:
        """How many combinations there are; None for ranges, of which there is no end."""
        return None if self.ranges else math.prod(len(choices) for choices in self.lists.values())

    def compile(self, parameters: Mapping[str, Any], output: Path) -> Build:
        """The build that these parameters make."""
        own = set(inspect.signature(compile_model).parameters) - _FIXED
        keywords = {k: v for k, v in parameters.items() if k in own}
        rest = {k: v for k, v in parameters.items() if k not in own}
        if callable(self.model):
            return compile_model(self.model(**rest), output, **self.options, **keywords)
        return compile_model(self.model, output, **{**self.options, **keywords, "arguments": rest})


def _is_range(value: Any) -> bool:
    numbers = isinstance(value, tuple) and len(value) == 2 and all(type(v) in (int, float) for v in value)
    return numbers and value[0] < value[1]


def _score(names: Mapping[str, Any], path: Path) -> Callable[[Build], float]:
    if callable(found := names.get("accuracy")):
        return lambda build: float(found(build))
    inputs, labels = names.get("inputs"), names.get("labels")
    if inputs is None or labels is None:
        raise _wrong(path, "no accuracy", "def accuracy(build): ..., or inputs = and labels = with .npy files")

    def score(build: Build) -> float:
        made = accuracy_of(build, path.parent / inputs, path.parent / labels, source=False)
        return made.scores[0].top1 / made.samples

    return score


def _wrong(path: Path, what: str, hint: str) -> IsobitError:
    return IsobitError("E621", what, where=printable(path.name), hint=hint)
