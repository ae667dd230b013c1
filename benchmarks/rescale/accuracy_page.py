"""The outcomes of ``accuracy.py`` as Markdown tables and as the panels of the plot."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from fractions import Fraction

from accuracy_methods import TFLITE, Outcome, Request, Shortened
from accuracy_plot import Line, Panel

METHODS = {
    "plain": ("plain rounding", "#d55e00"),
    "budget": ("budget", "#cc79a7"),
    "refit": ("refit", "#0072b2"),
    "trained": ("rescale-aware training", "#009e73"),
}
"""Title and colour of each method."""
DOUBT = Fraction(1, 100)
"""Below this probability a loss is no chance."""


def networks(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes of each network, in the order in which they came."""
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.network, []).append(outcome)
    return found


def panels(outcomes: Sequence[Outcome]) -> list[Panel]:
    """The plot's panels, one to a network."""
    return [_panel(name, runs) for name, runs in networks(outcomes).items()]


def _panel(name: str, runs: Sequence[Outcome]) -> Panel:
    lines = tuple(Line(title, colour, _points(runs, method)) for method, (title, colour) in METHODS.items())
    levels = (
        ("8 bits, exact", "6 3", _mean([r.exact for r in runs])),
        ("8 bits, trained on", "8 3 1 3", _mean([r.control for r in runs])),
        ("float32", "1 3", _mean([r.float32 for r in runs])),
    )
    return Panel(name, lines, levels, tuple(sorted(bits for r in runs for bits in r.least if bits)))


def _points(runs: Sequence[Outcome], method: str) -> tuple[tuple[int, float, float, float], ...]:
    found = {bits: [s.accuracy for s in _at(runs, method, bits)] for bits in _widths(runs, method)}
    return tuple((bits, 100 * min(a), _mean(a), 100 * max(a)) for bits, a in found.items())


def _widths(runs: Sequence[Outcome], method: str) -> list[int]:
    return sorted({bits for r in runs for bits in r.shortened[method]}, reverse=True)


def _at(runs: Sequence[Outcome], method: str, bits: int) -> list[Shortened]:
    return [r.shortened[method][bits] for r in runs if bits in r.shortened[method]]


def _mean(shares: Sequence[float]) -> float:
    return 100 * statistics.fmean(shares)


def spread(shares: Sequence[float]) -> str:
    """``mean (least to greatest)`` in percent, or a dash for nothing."""
    if not shares:
        return "–"
    return f"{_mean(shares):.2f} ({100 * min(shares):.2f} to {100 * max(shares):.2f})"


def narrowest(runs: Sequence[Outcome], method: str) -> int | None:
    """The least width down to which, from the widest on, no loss shows; None where it shows at the widest.

    A loss shows where chance alone would lose as many of the images that were lost or won with a probability below
    :data:`DOUBT` (:func:`chance`). A width that some seed has no result for ends the walk.
    """
    found = None
    for bits in _widths(runs, method):
        made = _at(runs, method, bits)
        if len(made) < len(runs) or chance(sum(s.lost for s in made), sum(s.won for s in made)) < DOUBT:
            break
        found = bits
    return found


def chance(lost: int, won: int) -> Fraction:
    """The probability that of ``lost + won`` fair coins at least ``lost`` show heads: the one-sided sign test."""
    tosses = lost + won
    return Fraction(sum(math.comb(tosses, heads) for heads in range(lost, tosses + 1)), 1 << tosses)


def page(outcomes: Sequence[Outcome], request: Request, about: str, picture: str) -> str:
    """All tables; ``about`` says what ran, ``picture`` is the plot's file name."""
    by_network = networks(outcomes)
    parts = [about, f"![Accuracy against multiplicand width, a panel for each network]({picture})"]
    parts += ["### Without loss down to", _verdicts(by_network), "### References", _references(by_network)]
    parts += ["### TensorFlow Lite's 31-bit multipliers", _tflite(by_network), "### Rung 1", _rung1(by_network)]
    if any(r.join_bits for r in outcomes):
        parts += ["### Residual sums: bits of the widest factor", _sums(by_network)]
    parts += ["### Budget: the share it takes", _shares(by_network, request)]
    for name, runs in by_network.items():
        parts += [f"### {name}: accuracy in %", _accuracies(runs, request)]
    return "\n\n".join(parts)


def _verdicts(by_network: dict[str, list[Outcome]]) -> str:
    rows = [
        [name, *(_bits(narrowest(runs, method)) for method in METHODS), _least(runs)]
        for name, runs in by_network.items()
    ]
    return table(["network", *(title for title, _ in METHODS.values()), "rung 1, all steps"], rows)


def _bits(bits: int | None) -> str:
    return "–" if bits is None else str(bits)


def _least(runs: Sequence[Outcome]) -> str:
    return str(max(bits for r in runs for bits in r.least))


def _references(by_network: dict[str, list[Outcome]]) -> str:
    columns = ["network", "float32", "8 bits, exact", "8 bits, trained on (the control)"]
    rows = [
        [name, *(spread([getattr(r, kind) for r in runs]) for kind in ("float32", "exact", "control"))]
        for name, runs in by_network.items()
    ]
    return table(columns, rows)


def _tflite(by_network: dict[str, list[Outcome]]) -> str:
    rows = []
    for name, runs in by_network.items():
        for form in TFLITE:
            found = [r.tflite[form] for r in runs]
            compared, wrong = sum(f.compared for f in found), sum(f.wrong for f in found)
            counts = f"{compared:,}", f"{wrong:,}", str(max(f.worst for f in found))
            rows.append([f"{name}, {form}", *counts, spread([f.accuracy for f in found])])
    return table(["network, form", "integers", "other integers", "worst, steps", "accuracy in %"], rows)


def _rung1(by_network: dict[str, list[Outcome]]) -> str:
    rows = []
    for name, runs in by_network.items():
        widths = sorted(bits for r in runs for bits in r.least if bits)
        none = sum(bits == 0 for r in runs for bits in r.least)
        numbers = len(widths) + none, widths[0], f"{statistics.median(widths):g}", widths[-1], none
        rows.append([name, *map(str, numbers)])
    return table(["network", "steps", "least bits", "median", "most bits", "no multiply-shift"], rows)


def _sums(by_network: dict[str, list[Outcome]]) -> str:
    rows = []
    for name, runs in by_network.items():
        made = [max((s.join_bits for r in runs for s in r.shortened[m].values()), default=0) for m in METHODS]
        if any(made):
            rows.append([name, str(max(r.join_bits for r in runs)), *map(str, made)])
    return table(["network", "exact", *(title for title, _ in METHODS.values())], rows)


def _shares(by_network: dict[str, list[Outcome]], request: Request) -> str:
    rows = [
        [str(bits), *(_share([r.shares.get(bits) for r in runs]) for runs in by_network.values())]
        for bits in request.widths
    ]
    return table(["bits", *by_network], rows)


def _share(shares: Sequence[float | None]) -> str:
    """The worst seed's share; a dash where some output would change by more than one step."""
    known = [s for s in shares if s is not None]
    return "–" if len(known) < len(shares) else f"{1e6 * max(known):,.0f} ppm"


def _accuracies(runs: Sequence[Outcome], request: Request) -> str:
    rows = [[str(bits), *(_cell(runs, method, bits) for method in METHODS)] for bits in request.widths]
    return table(["bits", *(title for title, _ in METHODS.values())], rows)


def _cell(runs: Sequence[Outcome], method: str, bits: int) -> str:
    found = _at(runs, method, bits)
    parts, wider = [spread([s.accuracy for s in found])], sum(s.wider for s in found)
    if found:
        parts.append(f"-{sum(s.lost for s in found)} +{sum(s.won for s in found)}")
    if 0 < len(found) < len(runs):
        parts.append(f"{len(found)} of {len(runs)} seeds")
    if wider:
        parts.append(f"wider steps: {wider}")
    return ", ".join(parts)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, right-aligned after the first column."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
