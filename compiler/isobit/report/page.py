"""The report as one HTML page that opens from disk: no script, no font, no picture and no address is loaded.

Every text of the model passes through Jinja's escaping; the page's own content policy forbids whatever might slip by.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isobit import templates
from isobit.build.folder import Build
from isobit.check.source.verdict import labels_of
from isobit.errors import IsobitError, printable
from isobit.hardware.counted import sentence
from isobit.report.counts import total
from isobit.report.histogram import Histogram
from isobit.report.layout import BOX_HEIGHT, BOX_WIDTH, Point, layered
from isobit.report.result import Layer, Report
from isobit.report.result import report as report_on

_NAME_LENGTH = 24
_PLOT_WIDTH, _PLOT_HEIGHT = 320, 80


@dataclass(frozen=True)
class Plot:
    """A histogram as SVG path data in a box of ``width`` x ``height``, and where the reached values begin and end."""

    histogram: Histogram
    bars: str
    reached: tuple[float, float]
    width: int = _PLOT_WIDTH
    height: int = _PLOT_HEIGHT


def html_page(report: Report) -> str:
    """The page; its text depends on the report only."""
    environment = templates.environment(Path(__file__).parent, escape=True)
    environment.filters |= {"printable": printable, "short": _short, "dims": dims}
    layers = {layer.name: layer for layer in report.summary.layers}
    drawing = layered({name: layer.inputs for name, layer in layers.items()})
    errors = {r.name: r.error for r in report.summary.resources if r.error}
    boxes: list[tuple[Layer, Point]] = [(layers[name], corner) for name, corner in drawing.boxes.items()]
    return environment.get_template("page.html.j2").render(
        report=report, summary=report.summary, drawing=drawing, boxes=boxes,
        widths={line.points[0]: layers[line.source].bits for line in drawing.lines},
        proofs={step.step: step for step in report.proofs},
        unscaled={layer.name: _why_unscaled(layer) for layer in layers.values()},
        labels_of=labels_of, plotted=_plotted(report), all_counts=(*report.counts, total(report.counts)),
        counted=sentence(errors) if errors else "",
        noted=[line.strip() for line in report.notes],
        luts=max(sum(dict(layer.cost).get("LUT", 0) for layer in layers.values()), 1),
        box_width=BOX_WIDTH, box_height=BOX_HEIGHT,
    )  # fmt: skip


def write_report(build: Build, path: Path | str | None = None, inputs: Any = None) -> Path:
    """The page of ``build``, in ``report.html`` of its folder unless a ``path`` is given; returns where it is.

    Args:
        inputs: samples for the histograms, as :func:`isobit.csim` takes them; generated ones without.

    Raises:
        IsobitError: E601 when it cannot be written; what :func:`isobit.report.result.report` raises.
    """
    return write_page(report_on(build, inputs), Path(path) if path else build.path / "report.html")


def write_page(report: Report, path: Path) -> Path:
    """Write the page to ``path``, all at once.

    Raises:
        IsobitError: E601 when it cannot be written.
    """
    if path.is_dir():
        raise IsobitError("E601", "this is a folder, a page is a file", where=printable(path))
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(html_page(report), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise IsobitError("E601", printable(error.strerror or error), where=printable(path)) from error
    return path


def dims(shape: tuple[int, ...]) -> str:
    """A shape as people write it: ``3 × 32 × 32``."""
    return " × ".join(map(str, shape))


def _plotted(report: Report) -> list[tuple[str, str, list[Plot]]]:
    """The histograms with what they show."""
    spans = "the line below spans the values that were reached"
    seen = f"How often the interpreter saw each value on sample vectors, over the inferred interval; {spans}."
    parts = (
        ("Accumulators", seen, report.histograms),
        ("Activations", seen, report.activations),
        ("Weights", f"How often each integer occurs, over the interval of its width; {spans}.", report.weights),
    )
    return [(title, note, [_plot(h) for h in held]) for title, note, held in parts]


def _short(name: str) -> str:
    """A name that fits its box: the middle is left out, as the ends tell layers apart."""
    half = _NAME_LENGTH // 2
    return name if len(name) <= _NAME_LENGTH else f"{name[: half - 1]}…{name[-half:]}"


def _why_unscaled(layer: Layer) -> str:
    """Why a step has no multiplicand, as the search said it; "" where there is nothing to say."""
    return f" (no multiply-shift: {layer.no_product})" if layer.no_product else ""


def _plot(histogram: Histogram) -> Plot:
    tallest = max(histogram.counts)
    span = histogram.hi - histogram.lo + 1
    bar = _PLOT_WIDTH * histogram.width / span
    bars = ""
    for i, count in enumerate(histogram.counts):
        height = _PLOT_HEIGHT * count / tallest
        if count:
            # A bar of one value among millions is still a pixel high.
            bars += f"M{i * bar:.1f} {_PLOT_HEIGHT}v{-max(height, 1.0):.1f}h{bar:.1f}V{_PLOT_HEIGHT}z"
    ends = (histogram.least - histogram.lo, histogram.greatest - histogram.lo + 1)
    first, last = (_PLOT_WIDTH * end / span for end in ends)
    return Plot(histogram, bars, (first, max(last - first, 1.0)))
