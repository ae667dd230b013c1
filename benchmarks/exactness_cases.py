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
from isobit.frontend.tflite.file import load_tflite

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
Floats = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


@dataclass(frozen=True)
class Subject:
    """One network of the sweep.

    ``source`` makes what ``isobit.compile`` takes: a path, or a torch module together with ``shape``, that of a sample.
    ``samples`` are recorded float inputs ``[N, *sample]`` with the recorded outputs ``answers``, where there are any.
    ``convolutional`` networks have a page of their own. ``kernels``: a TFLite file, whose answers are its kernels' own.
    """

    name: str
    origin: str
    source: Callable[[], Any]
    shape: tuple[int, ...] | None = None
    samples: Floats | None = None
    answers: Floats | None = None
    convolutional: bool = False
    kernels: bool = False

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
    """Every ``NAME/model.onnx`` and ``NAME/model.tflite`` of ``folder``, sorted.

    Inputs are in ``io.npz``, the origin in ``meta.json``.
    """
    for path in sorted([*folder.glob("*/model.onnx"), *folder.glob("*/model.tflite")]):
        kernels = path.suffix == ".tflite"
        samples, answers = (_of_kernels(path) if kernels else _recorded)(path.with_name("io.npz"))
        name, origin = path.parent.name, _origin(path.with_name("meta.json"))
        convolutional = (_has_kernels if kernels else _has_convolutions)(path)
        yield Subject(name, origin, partial(Path, path), None, samples, answers, convolutional, kernels)


def _has_convolutions(path: Path) -> bool:
    """A file that cannot be parsed has none: its refusal is the compiler's to make."""
    try:
        nodes = onnx.load(path, load_external_data=False).graph.node
    except (DecodeError, OSError):
        return False
    return any("Conv" in node.op_type for node in nodes)


def _has_kernels(path: Path) -> bool:
    """Whether a TFLite file has convolutions."""
    try:
        return any("CONV_2D" in operator.op for operator in load_tflite(path).operators)
    except IsobitError:
        return False


def _of_kernels(model: Path) -> Callable[[Path], tuple[Floats | None, Floats | None]]:
    """Recorded inputs as they are, and recorded output integers as the real values that they stand for."""

    def recorded(path: Path) -> tuple[Floats | None, Floats | None]:
        if not path.is_file():
            return None, None
        loaded = load_tflite(model)
        tensor = loaded.tensors[loaded.outputs[0]]
        with np.load(path, allow_pickle=False) as arrays:
            samples, answers = arrays["x0"], arrays["y0"]
        if tensor.scale:
            answers = ((answers.astype(np.float64) - tensor.zero_point[0]) * tensor.scale[0]).astype(np.float32)
        return samples.reshape(len(samples), *loaded.tensors[loaded.inputs[0]].shape[1:]), answers

    return recorded


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
