"""What the exactness sweep runs: seeded Brevitas networks of the tests, and model files with recorded inputs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]

from isobit.errors import IsobitError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
Floats = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


@dataclass(frozen=True)
class Subject:
    """One network of the sweep.

    ``source`` makes what ``isobit.compile`` takes: a path, or a torch module together with ``shape``, that of a sample.
    ``samples`` are recorded float inputs ``[N, *sample]`` with the recorded outputs ``answers``, where there are any.
    ``convolutional`` networks have a page of their own.
    """

    name: str
    origin: str
    source: Callable[[], Any]
    shape: tuple[int, ...] | None = None
    samples: Floats | None = None
    answers: Floats | None = None
    convolutional: bool = False

    def declared_type(self) -> str | None:
        """The integer type of an input without a quantiser: what the recorded inputs prove, bytes for images."""
        if self.samples is not None and set(np.unique(self.samples)) <= {-1.0, 1.0}:
            return "BIPOLAR"
        return "UINT8" if self.convolutional else None


def brevitas_subjects(fast: bool) -> Iterator[Subject]:
    """The dense networks of ``tests/models/brevitas_nets.py``, built when they are asked for.

    Raises:
        IsobitError: E303 when Brevitas is not installed.
    """
    for net in _networks("models.brevitas_nets", fast):
        yield Subject(net.name, "Brevitas, random weights", net.build, (net.sizes[0],))


def convolutional_subjects(fast: bool) -> Iterator[Subject]:
    """The networks of ``tests/models/brevitas_conv_nets.py``, built when they are asked for.

    Raises:
        IsobitError: E303 when Brevitas is not installed.
    """
    for net in _networks("models.brevitas_conv_nets", fast):
        yield Subject(net.name, "Brevitas, random weights", net.build, net.input_shape, convolutional=True)


def _networks(module: str, fast: bool) -> Any:
    try:
        cases = import_module(module)
    except ImportError as error:
        raise IsobitError("E303", "the Brevitas networks need torch and brevitas", hint="make setup") from error
    return cases.FAST_CASES if fast else cases.CASES


def file_subjects(folder: Path) -> Iterator[Subject]:
    """Every ``NAME/model.onnx`` of ``folder``, sorted; inputs are in ``io.npz``, the origin in ``meta.json``."""
    for path in sorted(folder.glob("*/model.onnx")):
        samples, answers = _recorded(path.with_name("io.npz"))
        name, origin = path.parent.name, _origin(path.with_name("meta.json"))
        yield Subject(name, origin, partial(Path, path), None, samples, answers, _has_convolutions(path))


def _has_convolutions(path: Path) -> bool:
    """A file that cannot be parsed has none: its refusal is the compiler's to make."""
    try:
        nodes = onnx.load(path, load_external_data=False).graph.node
    except (DecodeError, OSError):
        return False
    return any("Conv" in node.op_type for node in nodes)


def _recorded(path: Path) -> tuple[Floats | None, Floats | None]:
    if not path.is_file():
        return None, None
    with np.load(path, allow_pickle=False) as arrays:
        answers = next((arrays[k] for k in ("y", "y_torch") if k in arrays), None)
        return (arrays["x"], answers) if answers is not None and "x" in arrays else (None, None)


def _origin(path: Path) -> str:
    if not path.is_file():
        return ""
    sources = json.loads(path.read_text(encoding="utf-8")).get("sources") or [{}]
    return str(sources[0].get("repo", ""))
