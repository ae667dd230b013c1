"""Boards as data: one TOML file each, validated. A user adds a board by passing a file's path."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isobit.errors import IsobitError, printable


class Board(BaseModel):
    """A board and the part on it: resource counts (``bram36`` in 36-kbit blocks) and the default clock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    part: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    dsp: Literal["DSP48E1", "DSP48E2"]
    lut: int = Field(gt=0)
    ff: int = Field(gt=0)
    dsps: int = Field(ge=0)
    bram36: int = Field(ge=0)
    uram: int = Field(ge=0)
    clock_mhz: float = Field(gt=0, le=1000)


def board_names() -> list[str]:
    """The boards that come with isobit."""
    return sorted(
        f.name.removesuffix(".toml")
        for f in files("isobit.hardware").joinpath("boards").iterdir()
        if f.name.endswith(".toml")
    )


def load_board(name: str) -> Board:
    """A board by name, or from a ``.toml`` file.

    Raises:
        IsobitError: E501 when there is no such board or its file is not valid.
    """
    if name.endswith(".toml"):
        return _parse(Path(name))
    if name not in board_names():
        raise IsobitError(
            "E501", f"no board {printable(name)!r}", hint="one of " + ", ".join(board_names()) + ", or a .toml file"
        )
    return _parse(Path(str(files("isobit.hardware").joinpath("boards", name + ".toml"))))


def _parse(path: Path) -> Board:
    try:
        return Board.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise IsobitError("E501", printable(error), where=printable(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise IsobitError(
            "E501", f"{'.'.join(map(str, first['loc']))}: {first['msg']}", where=printable(path)
        ) from error
