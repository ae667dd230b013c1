"""The plan as a TOML file that a person reads and edits.

    board = "pynq-z1"
    clock = 100

    [layers.conv1]
    pe = 8
    simd = 4
    samples = 2
    implementation = "convolution"
    memory = "bram"
    line_buffer = "lutram"
    multiplier = "packed"

    [fifos]
    s_conv1 = 34

Every line may be left out: what is not said is chosen. ``isobit compile --plan plan.toml`` takes the file back. Depths
hold for one folding: ``fifos_for`` says which, and with another one they are computed anew.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isobit.backends.dataflow.layer import LayerChoice, LayerPlan
from isobit.backends.dataflow.planner.plan import Plan
from isobit.errors import IsobitError, printable
from isobit.hardware import Memory
from isobit.numerics.bipolar import Bipolar
from isobit.wording import line_of, place_in, refusal

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
    """What a plan file fixes: choices by node, FIFO depths in words by stream.

    ``board`` and ``clock_mhz`` are those it was made for ("" and 0: it does not say), ``depths_for`` the folding
    (:func:`folding_of`) that its depths were made for ("": whatever the folding).
    """

    layers: Mapping[str, LayerChoice]
    depths: Mapping[str, int]
    board: str = ""
    clock_mhz: float = 0
    depths_for: str = ""


class _Layer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    pe: int = Field(default=0, ge=0)
    simd: int = Field(default=0, ge=0)
    samples: int = Field(default=0, ge=0)
    implementation: str = ""
    memory: Memory = "auto"
    line_buffer: Memory = "auto"
    weights: Literal["", "integers", "tapered", "bipolar"] = ""  # no union: its place in the file would be lost
    multiplier: Literal["", "single", "packed", "adders"] = ""
    cycles: int = Field(default=0, ge=0)  # written for the reader, ignored when read


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    board: str = ""
    clock: float = Field(default=0, ge=0, allow_inf_nan=False)
    interval: int = Field(default=0, ge=0)  # written for the reader, ignored when read
    fifos_for: str = ""
    layers: dict[str, _Layer] = Field(default_factory=dict)
    fifos: dict[str, Annotated[int, Field(ge=1, le=MAX_DEPTH, strict=True)]] = Field(default_factory=dict)


def print_plan(plan: Plan, fifos: Iterable[PlannedFifo] = ()) -> str:
    """The plan as TOML text."""
    interval = f"interval = {plan.interval}  # clocks per frame, by the declared schedules"
    lines = [f'board = "{plan.board.name}"', f"clock = {plan.board.clock_mhz:g}  # MHz", interval]
    fifos = list(fifos)
    if fifos:
        lines.append(f'fifos_for = "{folding_of(plan)}"  # the folding of the depths below: none hold for another one')
    for name, layer in plan.layers.items():
        lines += ["", f"[layers.{name}]", *_layer_lines(layer)]
    rows = [f"{f.name} = {f.depth}  # of {f.bits} bits: {f.note}" for f in fifos]
    if rows:
        lines += ["", "# Depths in words. A line that is left out is computed."]
        lines += ["[fifos]", *rows]
    return "\n".join(lines) + "\n"


def folding_of(plan: Plan) -> str:
    """How every layer is unrolled and what it is built as, in twelve digits: FIFO depths hold for no other."""
    rows = (
        f"{n} {v.pe} {v.simd} {v.samples} {v.implementation}{_further(v)}\n" for n, v in sorted(plan.layers.items())
    )
    return hashlib.sha256("".join(rows).encode()).hexdigest()[:12]


def _further(layer: LayerPlan) -> str:
    """What changes a unit's clocks beside its folding."""
    return (" packed" if layer.packing else "") + (" bipolar" if isinstance(layer.code, Bipolar) else "")


def _layer_lines(layer: LayerPlan) -> list[str]:
    lines = [f"pe = {layer.pe}", f"simd = {layer.simd}"]
    lines += [f"samples = {layer.samples}"] if layer.samples > 1 or layer.parallel else []
    lines.append(f"cycles = {layer.cycles}")
    lines.append(f'implementation = "{layer.implementation}"')
    places = {"memory": layer.memory, "line_buffer": layer.line_buffer}
    lines += [f'{key} = "{place}"' for key, place in places.items() if place]
    lines += [f'weights = "{layer.candidates[0].implementation}"'] if layer.memory and layer.candidates else []
    return lines + ([f'multiplier = "{layer.multiplier}"'] if layer.multiplier else [])


def read_plan(path: Path) -> PlanFile:
    """The choices of a plan file.

    Raises:
        IsobitError: E503 when the file cannot be read or says something a plan cannot say.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = _File.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        hint = "a key that stands twice is written once" if "overwrite" in str(error) else ""
        raise IsobitError("E503", printable(error), where=printable(path), hint=hint) from error
    except ValidationError as error:
        raise refusal(error, path, text, {"": _File, "layers": _Layer}) from error
    layers = {
        name: LayerChoice(v.pe, v.simd, v.implementation, v.memory, v.line_buffer, v.samples, v.weights, v.multiplier)
        for name, v in content.layers.items()
    }
    return PlanFile(layers, content.fifos, content.board, content.clock, content.fifos_for)


def located(error: IsobitError, path: Path) -> IsobitError:
    """The refusal of a layer or FIFO that the plan file names, with its place in the file: the line of the first key
    that the refusal names as ``key = value``, else the layer's own."""
    text = path.read_text(encoding="utf-8")
    layer = f"layers.{error.where}"
    named = [key for key in _Layer.model_fields if f"{key} = " in error.message and line_of(text, layer, key)]
    for table, key in ((layer, named[0] if named else ""), ("fifos", error.where)):
        if error.where and line_of(text, table, key):
            error.where = f"{error.where}: {place_in(path, text, table, key)}"
            break
    return error
