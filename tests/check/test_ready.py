"""Waiting for compilers: counts and a time left while none is done, everything stopped where one fails."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

import isobit
from isobit import demo
from isobit.api.progress import Progress
from isobit.check.csim.ready import made_ready
from isobit.errors import IsobitError


@dataclass
class Compiler:
    """One that ends where it is told to, or when it is stopped."""

    flavour: str
    fails: bool = False
    ends: threading.Event = field(default_factory=threading.Event)
    stopped: bool = False

    def ready(self) -> None:
        assert self.fails or self.ends.wait(20)
        if self.fails:
            raise IsobitError("E605", "it does not")

    def stop(self) -> None:
        self.stopped = True
        self.ends.set()


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return isobit.compile(demo.MODEL, tmp_path_factory.mktemp("ready") / "build")


def test_what_of_how_much_and_the_time_left(build: Any) -> None:
    one, two, said = Compiler("faithful"), Compiler("native"), []

    def told(text: str) -> None:
        said.append(text)
        (one if len(said) == 1 else two).ends.set()

    made_ready(build, [one, two], told)
    assert said[0].startswith("compiling faithful and native: 0 of 2 programs, about ") and said[0].endswith(" s left")
    assert said[1] == "compiling faithful and native: 1 of 2 programs" and not (one.stopped or two.stopped)


def test_one_that_fails_stops_the_others(build: Any) -> None:
    one, two = Compiler("faithful", fails=True), Compiler("native")
    with pytest.raises(IsobitError, match="E605"):
        made_ready(build, [one, two], lambda _: None)
    assert two.stopped


def test_a_text_that_says_the_time_left_is_believed() -> None:
    now = iter(range(0, 1000, 10))
    progress = Progress(clock=lambda: next(now))
    for done in range(3):
        progress._stage(f"trying: {done} of 9 things, about 7 s left")
    assert progress.due() == "trying: 2 of 9 things, about 7 s left"
