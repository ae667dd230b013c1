"""Vectors go through a simulation in parts, with a word of progress for each: the verdict is that of the whole."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import isobit
from isobit import demo
from isobit.backends.base import Simulation
from isobit.check.csim import parts
from isobit.check.csim import run as csim
from isobit.interp import Evaluator
from isobit.ir.types import IntArray


class Simulator:
    """The interpreter, wrong by one in the output element 3 of the vector that begins with ``wrong``."""

    flavour, most_macs = "native", None

    def __init__(self, build: isobit.Build, wrong: int) -> None:
        self.build, self.wrong, self.sizes = build, wrong, list[int]()

    def run(self, integers: Mapping[str, IntArray], timeout: float) -> Simulation:
        self.sizes.append(len(integers["n_input"]))
        made = {name: x.copy() for name, x in Evaluator(self.build.graph).run(integers).items()}
        made["n_output"][integers["n_input"][:, 0] == self.wrong, 3] += 1
        return Simulation(made, 0.5, 0.25, {})

    def ready(self) -> None:
        """It always is."""

    def stop(self) -> None:
        """Nothing runs."""


@pytest.mark.parametrize("wrong", [-1, 31])
def test_the_verdict_is_that_of_the_whole(wrong: int, monkeypatch: pytest.MonkeyPatch) -> None:
    build = isobit.compile(demo.MODEL)
    x = np.random.default_rng(2).integers(0, 31, (10, 64))
    x[8, 0] = 31
    monkeypatch.setattr(parts, "PART_MACS", 6464 * 4)
    monkeypatch.setattr(parts, "processors", lambda: 2)
    simulator, said = Simulator(build, wrong), list[str]()
    expected = Evaluator(build.graph).run({"n_input": x})
    made, mismatch = csim._compare(build, simulator, {"n_input": x}, expected, 9.0, said.append)
    assert sorted(simulator.sizes) == [2, 4, 4]
    assert said == [f"running native: {done} of 10 vectors" for done in (0, 4, 8, 10)]
    assert (made.vectors, made.outputs, made.compile_seconds) == (10, 100, 0.5)
    if wrong < 0:
        assert made.mismatches == 0 and mismatch is None
    else:
        assert made.mismatches == 1 and mismatch is not None and mismatch.sample == 8
