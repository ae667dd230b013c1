"""Where a plain FINN build leaves the exact integers of its source: the first step, and in it the first layer.

FINN keeps the model after every step. Each that it can execute in Python is run on the same samples; its threshold
layers and its output are compared with the quantisers of the source, evaluated in exact arithmetic. Layers are matched
in order, by their number of elements: FINN renames them. A layer counts as exact in whichever of the forms that FINN
has: integers, integers counted from the least level, or real numbers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from isobit.backends.finn.environment import run_script
from isobit.check.rivals.departure import Layer, differences, layouts
from isobit.check.rivals.source import QUANTISERS, Source, cleaned, existing, samples_of
from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.errors import IsobitError, printable
from isobit.frontend.qonnx.input_type import InputType
from isobit.templates import root

SAMPLES = 16
ORDER = (
    "step_qonnx_to_finn", "step_tidy_up", "step_streamline", "step_convert_to_hw", "step_minimize_bit_width_initial",
)  # fmt: skip
"""Steps whose models FINN can execute in Python."""


@dataclass(frozen=True)
class Step:
    """A step's model: its layers beside the source's quantisers, or why FINN does not execute it.

    ``output``: are the integers of the network's own output among them?
    """

    name: str
    layers: tuple[Layer, ...]
    why: str
    output: bool

    @property
    def first(self) -> Layer | None:
        """The first layer that leaves the exact integers."""
        return next((layer for layer in self.layers if layer.different), None)


def check_finn(
    folder: Path, model: Path | None = None, inputs: Any = None, input_type: InputType | None = None
) -> tuple[Step, ...]:
    """Compare what FINN kept in ``folder`` with the model that it was made of.

    Args:
        model: the only ONNX file in the folder itself where none is named.
        inputs: real samples ``(batch, *shape)`` in the model's layout; edge cases and random ones without.
        input_type: of an input that has no quantiser.

    Raises:
        IsobitError: E619 when the folder keeps no step or none that can be compared, E303 without finn-plus, every
            refusal of the model.
    """
    hint = "FINN's output_dir, built with save_intermediate_models"
    place = existing(folder, hint) / "intermediate_models"
    place = place if place.is_dir() else folder
    models = [place / f"{name}.onnx" for name in ORDER if (place / f"{name}.onnx").is_file()]
    if not models:
        raise IsobitError("E619", "no model of a step in it", where=printable(folder), hint=hint)
    model = model or _only_model(folder)
    x = samples_of(model, inputs, SAMPLES, input_type)
    with tempfile.TemporaryDirectory(prefix="isobit-finn-") as scratch:
        work = Path(scratch)
        graph = cleaned(model, work / "clean.onnx")
        exact = evaluate_exact(work / "clean.onnx", {graph.input[0].name: x}, taps=True)
        source = Source(graph, exact, input_type)
        np.save(work / "samples.npy", x)
        found: Any = run_script(root() / "finn" / "trace.py", work, *(str(path.absolute()) for path in models))
        steps = tuple(_step(record, source, work / f"{number}.npz") for number, record in enumerate(found))
    if not any(step.layers for step in steps):
        why = next((step.why for step in steps if step.why), "no layer has the size of one of the model's quantisers")
        raise IsobitError("E619", f"nothing of it could be compared: {printable(why, 300)}", where=printable(folder))
    return steps


def _only_model(folder: Path) -> Path:
    found = sorted(folder.glob("*.onnx")) if folder.is_dir() else []
    if len(found) != 1:
        what = f"{len(found)} ONNX files lie in it, and no model is named"
        raise IsobitError("E619", what, where=printable(folder), hint="isobit check-finn DIR model.onnx")
    return found[0]


def _step(record: dict[str, Any], source: Source, values: Path) -> Step:
    name = Path(record["model"]).stem
    if record["why"]:
        return Step(name, (), record["why"], False)
    with np.load(values) as file:
        arrays = [file[key] for key in file.files]
    layers = tuple(beside(record["layers"], arrays, source))
    last = [layer["name"] for layer in record["layers"] if layer["op"] == "output"]
    return Step(name, layers, "", [layer.name for layer in layers[-1:]] == last)


def beside(layers: Sequence[dict[str, str]], values: Sequence[NDArray[Any]], source: Source) -> list[Layer]:
    """FINN's layers beside the source's quantisers, each taken by the next one of its size.

    The output is beside what makes the source's own: a quantiser, or a product of one scale. Of anything else it has no
    integers of its own, and is not compared.
    """
    waiting = [node for node in source.by_name.values() if node.op_type in QUANTISERS and source.compared(node)]
    made: list[Layer] = []
    for layer, array in zip(layers, values, strict=True):
        if layer["op"] == "output":
            node = source.maker_of_output()
        else:
            size = array[0].size
            node = next((n for n in waiting if source.exact[n.output[0]].num[0].size == size), None)
            waiting = waiting[waiting.index(node) + 1 :] if node is not None else waiting
        if node is not None and (found := _compared(layer["name"], array, node, source)) is not None:
            made.append(found)
    return made


def _compared(name: str, array: NDArray[Any], node: onnx.NodeProto, source: Source) -> Layer | None:
    """A layer of FINN's beside a node of the source, in the form that agrees best; None where there are no integers."""
    known = source.integers(node)
    if known is None or known[0].num[0].size != array[0].size:
        return None
    exact, step = known
    rows = array.reshape(len(array), -1)
    forms = [(Fraction(1), 0), (1 / step, 0)]
    if node.op_type in QUANTISERS:
        forms.append((Fraction(1), source.least(node)))
    found = [
        differences(rows + first, wanted, factor, step, rounds=factor != 1)
        for wanted in layouts(exact)
        for factor, first in forms
    ]
    different, worst, place = min(found, key=lambda f: f[0])
    return Layer(name, node.name, rows.size, different, worst, place)
