"""Views of requantizers for the terminal: checked proofs, counted errors, what a refit moved."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from isobit.build.folder import Build
from isobit.build.manifest import ErrorsRecord, RefitRecord
from isobit.check.proofs.verify import StepCheck, Verification
from isobit.passes.budget import shown


def verify_table(v: Verification) -> RenderableType:
    """One row per step, then what is wrong, then the verdict."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("step", overflow="fold")
    for column in ("channels", "m bits", "shifts", "points", "changed", "proof"):
        table.add_column(column, justify="right", no_wrap=True)
    for s in v.steps:
        numbers = (str(s.channels), str(s.bits or "-"), _span(s), f"{s.points:,}", f"{s.wrong:,}")
        table.add_row(escape(s.step), *numbers, "fails" if s.problem else "holds")
    lines = [f"{s.step}: {s.problem}" for s in v.steps if s.problem]
    lines += [f"{s.sum}: {s.problem}" for s in v.sums if s.problem]
    sums = [_sums_table(v)] if v.sums else []
    return Group(table, *sums, *map(_line, [*lines, "EVERY PROOF HOLDS" if v.holds else "A PROOF FAILS"]))


def _sums_table(v: Verification) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("sum", overflow="fold")
    for column in ("source's bits", "bits", "points", "proof"):
        table.add_column(column, justify="right", no_wrap=True)
    for s in v.sums:
        numbers = (str(s.exact_bits or "-"), str(s.bits), f"{s.points:,}")
        table.add_row(escape(s.sum), *numbers, "fails" if s.problem else "holds")
    return table


def _span(s: StepCheck) -> str:
    if not s.shifts:
        return "-"
    return str(s.shifts[0]) if len(s.shifts) == 1 else f"{s.shifts[0]}..{s.shifts[-1]}"


def rescale_lines(build: Build) -> list[Text]:
    """What a budget changed and what a refit moved, line by line; nothing for a build without either."""
    lines = [_budget_line(e) for e in build.manifest.budget]
    refit = build.manifest.source.refit
    return [_line(text) for text in lines + (_refit_lines(refit) if refit else [])]


def _budget_line(e: ErrorsRecord) -> str:
    """Counts of the step, then the largest share of one channel."""
    share, seen_share = e.shares
    text = f"budget: {e.step}: {e.wrong:,} of {e.reachable:,} reachable accumulators"
    text += f"\n  give another output (by {e.worst} step{'s' * (e.worst > 1)}, {e.bits} bits)"
    text += f",\n  {shown(share)} of a channel's at most"
    if not e.seen:
        return text
    seen = f";\n  {e.seen_wrong:,} of {e.seen:,} accumulators of the given inputs"
    return f"{text}{seen},\n  {shown(seen_share)} of a channel's at most"


def _refit_lines(refit: RefitRecord) -> list[str]:
    layers = [
        f"refit: {w.layer}: weights moved by {w.mean:.3f} steps on average,\n  {w.most:.3f} at most; "
        f"{w.changed:,} of {w.weights:,} integers changed"
        for w in refit.layers
    ]
    scales = [f"refit: {s.name}: scale {s.before:.6g} is now {s.after:.6g},\n  {_width(s.ratio)}" for s in refit.scales]
    return layers + scales + [f"not refitted: {text}" for text in refit.left]


def _width(ratio: float) -> str:
    return "for the same integers" if abs(ratio - 1) < 1e-6 else f"a step {ratio:.4f} times as wide"


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ignore")
