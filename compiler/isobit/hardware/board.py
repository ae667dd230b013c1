"""Boards as data: one TOML file each, validated. A user adds a board by passing a file's path."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from isobit.errors import IsobitError, did_you_mean, printable
from isobit.wording import refusal

MOST = 1 << 40
"""More of any resource than a part can have."""
MOST_MHZ = 1000
Dsp = Literal["DSP48E1", "DSP48E2"]
"""The kind of DSP block of a part."""
PsSetting = Annotated[str, Field(pattern=r"^[A-Za-z0-9_. /-]+$")]
PsName = Annotated[str, Field(pattern=r"^P(CW|SU)_[A-Za-z0-9_]+$")]


class Board(BaseModel):
    """A board and the part on it: resource counts (``bram36`` in 36-kbit blocks) and the default clock.

    The rest is for :mod:`isobit.pynq.package`: ``ps`` is the part's processing system, ``board_part`` the name under
    which Vivado knows the board and finds its presets (DDR, MIO, clocks), ``board_files`` where to get them,
    ``ps_config`` settings of the processing system beyond the preset, or all of them where Vivado has no such board.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    part: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    dsp: Dsp
    lut: int = Field(gt=0, lt=MOST)
    ff: int = Field(gt=0, lt=MOST)
    dsps: int = Field(ge=0, lt=MOST)
    bram36: int = Field(ge=0, lt=MOST)
    uram: int = Field(ge=0, lt=MOST)
    clock_mhz: float = Field(gt=0, le=MOST_MHZ)
    ps: Literal["zynq7", "zynqmp"] | None = None
    board_part: str = Field(default="", pattern=r"^([A-Za-z0-9._-]+(:[A-Za-z0-9._-]+){3})?$")
    board_files: str = Field(default="", pattern=r"^(https://[A-Za-z0-9._/-]+)?$")
    ps_config: dict[PsName, PsSetting] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ps_suits_the_part(self) -> Self:
        family = {"zynq7": "xc7z", "zynqmp": "xc"}.get(self.ps or "", "")
        if not self.part.startswith(family) or (self.ps == "zynqmp" and self.dsp != "DSP48E2"):
            raise ValueError(f"a {self.ps} processing system is not on part {self.part}")
        if any(not name.startswith("PCW" if self.ps == "zynq7" else "PSU") for name in self.ps_config):
            raise ValueError("ps_config: PCW_ settings are for zynq7, PSU_ settings for zynqmp")
        return self


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
            "E501", f"no board {printable(name)!r}", hint=did_you_mean(name, board_names()) + ", or a .toml file"
        )
    return _parse(Path(str(files("isobit.hardware").joinpath("boards", name + ".toml"))))


def at_clock(board: Board, clock_mhz: float) -> Board:
    """The board with another clock.

    Raises:
        IsobitError: E501 when no board runs at that.
    """
    if not 0 < clock_mhz <= MOST_MHZ:
        raise IsobitError("E501", f"a clock of {clock_mhz:g} MHz", hint=f"more than 0, at most {MOST_MHZ}")
    return board.model_copy(update={"clock_mhz": float(clock_mhz)})


def _parse(path: Path) -> Board:
    try:
        text = path.read_text(encoding="utf-8")
        return Board.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise IsobitError("E501", printable(error), where=printable(path)) from error
    except ValidationError as error:
        raise refusal(error, path, text, {"": Board}, "E501") from error
