"""Tables for the terminal: names that give way to numbers, so that a line fits 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from isobit.errors import middle_cut

_LINE, _LEAST_NAME = 80, 9


def lined_table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    """A table whose names and sentences fold over lines where they must and whose numbers never do."""
    table = Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False,
        padding=(0, 1, 0, 0),
    )  # fmt: skip
    for column in left:
        table.add_column(column, overflow="fold")
    for column in right:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def named_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], sums: Sequence[Sequence[str]] = (), *, wide: bool = False
) -> Table:
    """A table of two columns of names and of numbers behind them, ``sums`` apart from ``rows``.

    Names are cut in the middle so that it fits 80 columns, unless it is to be ``wide``.
    """
    widths = [max(len(row[i]) for row in (head, *rows, *sums)) for i in range(len(head))]
    between = len(head) - 1
    gap = 2 if wide or sum(widths) + 2 * between < _LINE else 1  # columns close up before names are cut
    rest = sum(widths[2:]) + gap * between + gap - 1
    if not wide:
        names = _LINE - rest
        widths[1] = min(widths[1], max(names - _LEAST_NAME, _LEAST_NAME))
        widths[0] = min(widths[0], max(names - widths[1], _LEAST_NAME))
    table = lined_table("", head[:2], head[2:])
    table.padding, table.width = (0, gap - 1, 0, 0), rest + widths[0] + widths[1]
    for part in (rows, sums):
        for row in part:
            names_of = (escape(middle_cut(name, width)) for name, width in zip(row[:2], widths, strict=False))
            table.add_row(*names_of, *row[2:])
        if part is rows and sums:
            table.add_section()
    return table
