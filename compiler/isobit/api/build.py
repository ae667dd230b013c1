"""A build as a Python user holds it: what it is in one line, what it predicts, what it was found to be."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console

from isobit.api.arguments import vectors_of
from isobit.api.progress import Told, quiet, telling
from isobit.api.views import Layers, Page
from isobit.backends.dataflow.writer import PLAN
from isobit.build import folder
from isobit.check.csim.accuracy import Accuracy
from isobit.check.csim.accuracy import accuracy as measure
from isobit.check.csim.predict import predict
from isobit.check.csim.run import DEFAULT_TIMEOUT
from isobit.check.csim.samples import sample_form
from isobit.check.source.level import ort_level_of
from isobit.errors import IsobitError, printable
from isobit.kinds import Count, Positive, Seconds, coded
from isobit.report.page import html_page
from isobit.report.result import report, summarise
from isobit.report.text import build_table


class Shown(str):
    """Text that shows itself, lines and all."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Build(folder.Build):
    """A build's folder with what can be asked of it; :class:`isobit.build.folder.Build` has its fields."""

    @classmethod
    def of(cls, build: folder.Build) -> Build:
        """The same build."""
        return build if isinstance(build, Build) else cls(**vars(build))

    @property
    def layers(self) -> Layers:
        """Every value of the graph: type, hardware, where it came from."""
        return Layers(summarise(self).layers)

    @property
    def plan(self) -> str:
        """The plan file, as ``isobit compile --plan`` takes it back; "" of a build whose back end writes none."""
        return Shown((self.path / PLAN).read_text(encoding="utf-8") if PLAN in self.manifest.files else "")

    @coded
    def report(self, inputs: Any = None) -> Page:
        """The HTML report, shown inline by a notebook; ``inputs`` are for the histograms."""
        return Page(html_page(report(self, vectors_of(inputs))))

    @coded
    @telling
    def predict(
        self, inputs: Any, *, integers: bool = False, graph: bool = False, samples: str | None = None,
        compiler: str | None = None, timeout: Seconds = DEFAULT_TIMEOUT, progress: Told = quiet,
    ) -> Any:  # fmt: skip
        """What the compiled C++ says of one sample or a batch: :func:`isobit.check.csim.predict.predict`."""
        return predict(
            self, vectors_of(inputs), integers=integers, graph=graph, samples=sample_form(samples), compiler=compiler,
            timeout=timeout, progress=progress,
        )  # fmt: skip

    @coded
    @telling
    def accuracy(
        self, inputs: Any, labels: Any, *, topk: Positive = 5, output: str | None = None, source: bool = True,
        samples: str | None = None, ort_level: str = "disabled", compiler: str | None = None,
        timeout: Seconds = DEFAULT_TIMEOUT, torch: Any = (), rtl: Count = 0, board: Any = None, exact: Count = 0,
        progress: Told = quiet,
    ) -> Accuracy:  # fmt: skip
        """Top-1 and top-k of C++, graph and source: :func:`isobit.check.csim.accuracy.accuracy`."""
        return measure(
            self, vectors_of(inputs), vectors_of(labels), topk=topk, output=output, source=source,
            samples=sample_form(samples), ort_level=ort_level_of(ort_level), compiler=compiler, timeout=timeout,
            torch=torch, rtl=rtl, board=None if board is None else vectors_of(board), exact=exact, progress=progress,
        )  # fmt: skip

    def summary(self) -> str:
        """The layers and the estimate, as ``isobit compile`` prints them."""
        console = Console(file=io.StringIO(), width=100, highlight=False)
        with console.capture() as shown:
            console.print(build_table(self), crop=False)
        return Shown(shown.get())


def opened(build: Any) -> Build:
    """A build, or the one in a folder.

    Raises:
        IsobitError: E613 for what is neither, and those of :func:`isobit.build.folder.load_build`.
    """
    if isinstance(build, folder.Build):
        return Build.of(build)
    if isinstance(build, str | Path):
        return Build.of(folder.load_build(build))
    what = f"{printable(type(build).__name__)} is neither a build nor a path"
    raise IsobitError("E613", what, hint="isobit.compile and isobit.load give builds")
