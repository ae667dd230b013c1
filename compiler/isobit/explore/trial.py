"""One trial, in whatever process: build, measure, say what came of it."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isobit.errors import IsobitError, printable
from isobit.explore.study import StudyFile


@dataclass(frozen=True)
class Outcome:
    """What a trial found; ``refused`` says why there is nothing ("" where there is).

    ``area`` is all resources at their prices, in LUTs (:attr:`isobit.hardware.Cost.weight`).
    """

    accuracy: float = 0.0
    area: int = 0
    interval: int = 0
    frames_per_second: float = 0.0
    lut: int = 0
    dsp: int = 0
    bram36: float = 0
    uram: int = 0
    refused: str = ""

    def plain(self) -> dict[str, Any]:
        """As values that any storage keeps."""
        return asdict(self)


def evaluate(file: StudyFile, parameters: Mapping[str, Any], folder: str) -> Outcome:
    """Build ``parameters`` into ``folder`` and measure the build.

    A refusal of isobit's is an outcome, and so is an exception of the user's own code for these parameters.

    Raises:
        IsobitError: E621 when the study file itself cannot be used.
    """
    study, output = file.load(), Path(folder)
    try:
        build = study.compile(parameters, output)  # all of it or nothing: what was there may be somebody's
    except (Exception, SystemExit) as error:
        return _refused(error)
    try:
        score = study.score(build)
        if not math.isfinite(score):
            raise ValueError(f"the accuracy is {score}")
    except (Exception, SystemExit) as error:
        shutil.rmtree(output, ignore_errors=True)
        return _refused(error)
    found = build.manifest.estimate
    used = (found.lut, found.dsp, found.bram36, found.uram)
    return Outcome(score, found.cost.weight, found.interval, found.frames_per_second, *used)


def _refused(error: BaseException) -> Outcome:
    said = str(error).splitlines()[0] if isinstance(error, IsobitError) else f"{type(error).__name__}: {error}"
    return Outcome(refused=printable(said))
