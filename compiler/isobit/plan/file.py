"""The plan as a TOML file that a person reads and edits.

    board = "pynq-z1"

    [layers.fc1]
    pe = 8
    simd = 4
    implementation = "dense"

Every key of a layer is optional; what is left out is chosen. ``isobit compile --plan plan.toml`` takes the file back.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isobit.errors import IsobitError, printable
from isobit.plan.plan import LayerChoice, Plan


class _Layer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pe: int = Field(default=0, ge=0)
    simd: int = Field(default=0, ge=0)
    implementation: str = ""
    cycles: int = Field(default=0, ge=0)  # written for the reader, ignored when read


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    board: str = ""
    interval: int = Field(default=0, ge=0)  # written for the reader, ignored when read
    layers: dict[str, _Layer] = Field(default_factory=dict)


def print_plan(plan: Plan) -> str:
    """The plan as TOML text."""
    interval = f"interval = {plan.interval}  # clocks per frame, by the declared schedules"
    lines = [f'board = "{plan.board.name}"', interval]
    for name, layer in plan.layers.items():
        lines += ["", f"[layers.{name}]", f"pe = {layer.pe}", f"simd = {layer.simd}", f"cycles = {layer.cycles}"]
        lines.append(f'implementation = "{layer.implementation}"')
    return "\n".join(lines) + "\n"


def read_plan(path: Path) -> dict[str, LayerChoice]:
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
    return {name: LayerChoice(v.pe, v.simd, v.implementation) for name, v in content.layers.items()}
