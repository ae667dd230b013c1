"""The networks that the optimal plan is tried on, and their graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models.tflite_nets import NETS

from isobit import demo
from isobit.flow import import_source
from isobit.frontend.tflite.importer import import_tflite
from isobit.ir import Graph
from isobit.passes import optimise

MODELS: dict[str, Callable[[Path], Graph]] = {
    "demo": lambda _: optimise(import_source(demo.MODEL)),
    **{
        name: lambda folder, name=name: optimise(import_tflite(NETS[name]("int8").save(folder / f"{name}.tflite")))  # type: ignore[misc]
        for name in NETS
    },
}
