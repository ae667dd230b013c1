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
from numpy.typing import NDArray

from isobit.backends.finn.environment import run_script
from isobit.check.rivals.departure import Layer, differences, layouts
from isobit.check.rivals.source import QUANTISERS, Source, cleaned, samples_of
from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.errors import IsobitError, printable
from isobit.templates import root

SAMPLES = 16
ORDER = (
    "step_qonnx_to_finn", "step_tidy_up", "step_streamline", "step_convert_to_hw", "step_minimize_bit_width_initial",
)  # fmt: skip
"""Steps whose models FINN can execute in Python."""


@dataclass(frozen=True)
class Step:
    """A step's model: its layers beside the source's quantisers, or why FINN does not execute it."""

    name: str
    layers: tuple[Layer, ...]
    why: str

    @property
    def first(self) -> Layer | None:
        """The first layer that leaves the exact integers."""
        return next((layer for layer in self.layers if layer.different), None)


def check_finn(folder: Path, model: Path | None = None, inputs: Any = None) -> tuple[Step, ...]:
    """Compare what FINN kept in ``folder`` with the model that it was made of.

    Args:
        model: the only ONNX file in the folder itself where none is named.
        inputs: real samples ``(batch, *shape)`` in the model's layout; edge cases and random ones without.

    Raises:
        IsobitError: E619 when the folder keeps no step or none that can be compared, E303 without finn-plus, every
            refusal of the model.
    """
    place = folder / "intermediate_models" if (folder / "intermediate_models").is_dir() else folder
    models = [place / f"{name}.onnx" for name in ORDER if (place / f"{name}.onnx").is_file()]
    if not models:
        hint = "FINN's output_dir, built with save_intermediate_models"
        raise IsobitError("E619", "no model of a step in it", where=printable(folder), hint=hint)
    model = model or _only_model(folder)
    x = samples_of(model, inputs, SAMPLES)
    with tempfile.TemporaryDirectory(prefix="isobit-finn-") as scratch:
        work = Path(scratch)
        graph = cleaned(model, work / "clean.onnx")
        exact = evaluate_exact(work / "clean.onnx", {graph.input[0].name: x}, taps=True)
        source = Source(graph, exact)
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
        return Step(name, (), record["why"])
    with np.load(values) as file:
        arrays = [file[key] for key in file.files]
    return Step(name, tuple(beside(record["layers"], arrays, source)), "")


def beside(layers: Sequence[dict[str, str]], values: Sequence[NDArray[Any]], source: Source) -> list[Layer]:
    """FINN's layers beside the source's quantisers, each taken by the next one of its size; the output by the last."""
    waiting = [node for node in source.by_name.values() if node.op_type in QUANTISERS and source.compared(node)]
    made: list[Layer] = []
    for layer, array in zip(layers, values, strict=True):
        size = array[0].size
        if layer["op"] == "output":
            candidates = [n for n in source.by_name.values() if n.op_type in QUANTISERS and source.compared(n)][-1:]
        else:
            candidates = [n for n in waiting if source.exact[n.output[0]].num[0].size == size][:1]
            waiting = waiting[waiting.index(candidates[0]) + 1 :] if candidates else waiting
        for node in candidates:
            scale = source.scale(node.output[0])
            exact = source.exact[node.output[0]]
            if scale is None or exact.num[0].size != size:
                continue
            rows = array.reshape(len(array), -1)
            forms = ((Fraction(1), 0), (Fraction(1), source.least(node)), (1 / scale, 0))
            found = [
                differences(rows + first, wanted, factor, scale, rounds=factor != 1)
                for wanted in layouts(exact)
                for factor, first in forms
            ]
            different, worst, place = min(found, key=lambda f: f[0])
            made.append(Layer(layer["name"], node.name, rows.size, different, worst, place))
    return made
