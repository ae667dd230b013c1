"""What hls4ml is told of every layer, as a TOML file that a person reads, edits and gives back with ``--plan``.

    backend = "VivadoAccelerator"
    io_type = "io_stream"
    strategy = "Latency"
    reuse = 1

    [layers.fc1]
    strategy = "Resource"
    reuse = 8

    [layers.act1]
    implementation = "thresholds"

Every line may be left out: what is not said is as in :class:`isobit.backends.hls4ml.plan.Request`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isobit.backends.hls4ml.design import IoType, Tool
from isobit.backends.hls4ml.plan import LayerRequest, Plan, Request, Strategy
from isobit.errors import IsobitError, printable
from isobit.wording import refusal


class _Layer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    strategy: Strategy | None = None
    reuse: int | None = Field(default=None, ge=1)
    implementation: str | None = None
    cycles: int = Field(default=0, ge=0)  # written for the reader, ignored when read


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    board: str = ""  # written for the reader, ignored when read
    backend: Tool = "Vitis"
    io_type: IoType | None = None
    strategy: Strategy = "Latency"
    reuse: int = Field(default=1, ge=1)
    search_seconds: int = Field(default=60, ge=1)
    layers: dict[str, _Layer] = Field(default_factory=dict)


def print_plan(plan: Plan) -> str:
    """The plan as TOML text."""
    lines = [f'board = "{plan.board.name}"', f'backend = "{plan.backend}"', f'io_type = "{plan.io_type}"']
    for name, layer in plan.layers.items():
        if layer.kind == "sum":
            continue
        lines += ["", f"[layers.{name}]", f"cycles = {layer.cycles}"]
        if layer.kind == "step":
            lines.append(f'implementation = "{layer.implementation}"')
        else:
            lines += [f'strategy = "{layer.strategy}"', f"reuse = {layer.reuse}"]
    return "\n".join(lines) + "\n"


def read_request(path: Path) -> Request:
    """What a plan file asks.

    Raises:
        IsobitError: E503 when the file cannot be read or says something a plan cannot say.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = _File.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise IsobitError("E503", printable(error), where=printable(path)) from error
    except ValidationError as error:
        raise refusal(error, path, text, {"": _File, "layers": _Layer}) from error
    layers = {name: LayerRequest(v.strategy, v.reuse, v.implementation) for name, v in content.layers.items()}
    return Request(
        content.io_type, content.strategy, content.reuse, layers, content.search_seconds, content.backend
    )  # fmt: skip
