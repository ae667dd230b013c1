"""The plan as a TOML file that a person reads and edits.

    board = "pynq-z1"

    [layers.conv1]
    pe = 8
    simd = 4
    samples = 2
    implementation = "convolution"
    memory = "bram"
    line_buffer = "lutram"

    [fifos]
    s_conv1 = 34

Every line may be left out: what is not said is chosen. ``isobit compile --plan plan.toml`` takes the file back.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isobit.backends.dataflow.layer import LayerChoice, LayerPlan
from isobit.backends.dataflow.planner.plan import Plan
from isobit.errors import IsobitError, printable
from isobit.hardware import Memory

MAX_DEPTH = 1 << 24


@dataclass(frozen=True)
class PlannedFifo:
    """A FIFO as the plan file lists it: ``depth`` words of ``bits`` bits; ``note`` is for the reader."""

    name: str
    depth: int
    bits: int
    note: str


@dataclass(frozen=True)
class PlanFile:
    """What a plan file fixes: choices by node, FIFO depths in words by stream; ``board`` is the one it was made for."""

    layers: Mapping[str, LayerChoice]
    depths: Mapping[str, int]
    board: str = ""


class _Layer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pe: int = Field(default=0, ge=0)
    simd: int = Field(default=0, ge=0)
    samples: int = Field(default=0, ge=0)
    implementation: str = ""
    memory: Memory = "auto"
    line_buffer: Memory = "auto"
    cycles: int = Field(default=0, ge=0)  # written for the reader, ignored when read


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    board: str = ""
    interval: int = Field(default=0, ge=0)  # written for the reader, ignored when read
    layers: dict[str, _Layer] = Field(default_factory=dict)
    fifos: dict[str, Annotated[int, Field(ge=1, le=MAX_DEPTH, strict=True)]] = Field(default_factory=dict)


def print_plan(plan: Plan, fifos: Iterable[PlannedFifo] = ()) -> str:
    """The plan as TOML text."""
    interval = f"interval = {plan.interval}  # clocks per frame, by the declared schedules"
    lines = [f'board = "{plan.board.name}"', interval]
    for name, layer in plan.layers.items():
        lines += ["", f"[layers.{name}]", *_layer_lines(layer)]
    rows = [f"{f.name} = {f.depth}  # of {f.bits} bits: {f.note}" for f in fifos]
    if rows:
        lines += ["", "# Depths in words. A line that is left out is computed; after another folding, leave all out."]
        lines += ["[fifos]", *rows]
    return "\n".join(lines) + "\n"


def _layer_lines(layer: LayerPlan) -> list[str]:
    lines = [f"pe = {layer.pe}", f"simd = {layer.simd}"]
    lines += [f"samples = {layer.samples}"] if layer.samples > 1 or layer.parallel else []
    lines.append(f"cycles = {layer.cycles}")
    lines.append(f'implementation = "{layer.implementation}"')
    places = {"memory": layer.memory, "line_buffer": layer.line_buffer}
    return lines + [f'{key} = "{place}"' for key, place in places.items() if place]


def read_plan(path: Path) -> PlanFile:
    """The choices of a plan file.

    Raises:
        IsobitError: E503 when the file cannot be read or says something a plan cannot say.
    """
    try:
        content = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise IsobitError("E503", printable(error), where=printable(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise IsobitError("E503", printable(f"{place}: {first['msg']}"), where=printable(path)) from error
    layers = {
        name: LayerChoice(v.pe, v.simd, v.implementation, v.memory, v.line_buffer, v.samples)
        for name, v in content.layers.items()
    }
    return PlanFile(layers, content.fifos, content.board)
