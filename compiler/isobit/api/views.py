"""What a build shows of itself in a notebook: its layers as a table, its report as a page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any, overload

from rich.console import Console

from isobit.errors import IsobitError, did_you_mean, printable
from isobit.report.result import Layer
from isobit.report.tables import lined_table

_HEAD = ("layer", "op", "built as", "shape", "bits", "PE x SIMD", "clocks")


class Layers(Sequence[Layer]):
    """Every value of a graph, in order; a table in a terminal, in a notebook and as a data frame.

    ``layers[0]`` and ``layers["conv1"]`` are single ones, by place or by name.
    """

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        self._layers = layers

    @overload
    def __getitem__(self, key: int | str) -> Layer: ...
    @overload
    def __getitem__(self, key: slice) -> Layers: ...
    def __getitem__(self, key: int | str | slice) -> Layer | Layers:
        if isinstance(key, slice):
            return Layers(self._layers[key])
        if isinstance(key, int):
            return self._layers[key]
        names = {layer.name: layer for layer in self._layers}
        if key not in names:
            raise IsobitError("E609", f"no layer {printable(key)!r}", hint=did_you_mean(key, names))
        return names[key]

    def __len__(self) -> int:
        return len(self._layers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(other) == self._layers

    __hash__ = None  # type: ignore[assignment]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per layer: name, operation, body, shape, bits, folding, clocks and resources."""
        kinds = list(dict.fromkeys(kind for layer in self._layers for kind, _ in layer.cost))
        return [_row(layer) | {kind: dict(layer.cost).get(kind, 0) for kind in kinds} for layer in self._layers]

    def to_pandas(self) -> Any:
        """The rows as a ``pandas.DataFrame``, by layer.

        Raises:
            IsobitError: E303 where pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError as error:
            raise IsobitError("E303", "pandas is not installed", hint="pip install pandas") from error
        return pandas.DataFrame(self.rows()).set_index("layer")

    def __repr__(self) -> str:
        rows = self.rows()
        head = list(rows[0]) if rows else list(_HEAD)
        table = lined_table("", head[:3], head[3:])
        for row in rows:
            table.add_row(*map(str, row.values()))
        console = Console(file=io.StringIO(), width=160, highlight=False, markup=False)
        with console.capture() as shown:
            console.print(table, crop=False)
        return shown.get()

    def _repr_html_(self) -> str:
        """A table for notebooks; names from the model are escaped."""
        rows = self.rows()
        head = "".join(f"<th>{escape(name)}</th>" for name in (rows[0] if rows else _HEAD))
        cells = ("".join(f"<td>{escape(str(value))}</td>" for value in row.values()) for row in rows)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(layer: Layer) -> dict[str, Any]:
    shape = "x".join(map(str, layer.shape))
    values = (printable(layer.name), layer.op, layer.built_as, shape, layer.bits, layer.folding("x"), layer.cycles)
    return dict(zip(_HEAD, values, strict=True))


class Page:
    """The report as one HTML page; a notebook shows it inline, in a frame of its own."""

    def __init__(self, html: str, height: int = 720) -> None:
        self.html, self.height = html, height

    def save(self, path: str | Path) -> Path:
        """Write the page to a file."""
        Path(path).write_text(self.html, encoding="utf-8")
        return Path(path)

    def __repr__(self) -> str:
        return f"<report of {len(self.html):,} characters: .save(path) writes it>"

    def _repr_html_(self) -> str:
        style = f"width:100%;height:{self.height}px;border:0"
        return f'<iframe sandbox srcdoc="{escape(self.html)}" style="{style}"></iframe>'
