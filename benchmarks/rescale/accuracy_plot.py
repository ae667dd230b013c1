"""The plot of ``accuracy.py``: accuracy against multiplicand width, a panel for each network, as SVG text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

PANEL_WIDTH, PANEL_HEIGHT, MARGIN_LEFT, MARGIN_TOP, GAP = 400, 210, 56, 70, 70
_GREY, _GRID = "#444444", "#dddddd"


@dataclass(frozen=True)
class Line:
    """A method: ``points`` are (width in bits, least, mean, greatest percentage), in any order."""

    name: str
    colour: str
    points: tuple[tuple[int, float, float, float], ...]


@dataclass(frozen=True)
class Panel:
    """A network: its lines, level references (name, dash pattern, percentage), and the widths of rung 1's steps."""

    title: str
    lines: tuple[Line, ...]
    levels: tuple[tuple[str, str, float], ...]
    least: tuple[int, ...]


def draw(panels: Sequence[Panel], widths: Sequence[int]) -> str:
    """The whole picture, two panels to a row; the x axis is logarithmic, wide multiplicands on the left."""
    rows = -(-len(panels) // 2)
    width = MARGIN_LEFT + 2 * (PANEL_WIDTH + GAP)
    height = MARGIN_TOP + rows * (PANEL_HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        "<style>text { font-size: 12px }</style>",
        f'<rect width="{width}" height="{height}" fill="white"/>', *_legend(panels),
    ]  # fmt: skip
    for index, panel in enumerate(panels):
        x = MARGIN_LEFT + index % 2 * (PANEL_WIDTH + GAP)
        y = MARGIN_TOP + index // 2 * (PANEL_HEIGHT + GAP)
        parts += [f'<g transform="translate({x} {y})">', *_panel(panel, widths), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(panels: Sequence[Panel]) -> Iterable[str]:
    entries = [(line.name, line.colour, "") for line in panels[0].lines]
    entries += [(name, _GREY, dash) for name, dash, _ in panels[0].levels]
    x = MARGIN_LEFT
    for name, colour, dash in entries:
        yield _stroke([(x, 20), (x + 24, 20)], colour, dash)
        yield f'<text x="{x + 29}" y="24">{name}</text>'
        x += 45 + 7 * len(name)
    yield (
        f'<text x="{MARGIN_LEFT}" y="44" fill="{_GREY}">bands: least to greatest over the seeds; '
        "ticks at the foot: the least lossless multiplicand of every step (rung 1)</text>"
    )


@dataclass(frozen=True)
class _Scale:
    """Where a width in bits and a percentage lie in a panel; the greatest width is at the left edge."""

    widest: int
    floor: int
    top: int

    def x(self, bits: float) -> float:
        return PANEL_WIDTH * (1 - math.log2(bits) / math.log2(self.widest))

    def y(self, percent: float) -> float:
        return PANEL_HEIGHT * (1 - (percent - self.floor) / (self.top - self.floor))


def _panel(panel: Panel, widths: Sequence[int]) -> Iterable[str]:
    values = [v for line in panel.lines for p in line.points for v in p[1:]] + [v for *_, v in panel.levels]
    floor = math.floor(min(values))
    scale = _Scale(max(*widths, 2), floor, max(math.ceil(max(values)), floor + 1))
    yield f'<text x="0" y="-8" font-weight="bold">{panel.title}, accuracy in %</text>'
    yield from _axes(scale, widths)
    yield from _rung1(scale, [bits for bits in panel.least if bits <= scale.widest])
    for _, dash, percent in panel.levels:
        yield _stroke([(0, scale.y(percent)), (PANEL_WIDTH, scale.y(percent))], _GREY, dash)
    for line in panel.lines:
        yield from _line(scale, line)


def _axes(scale: _Scale, widths: Sequence[int]) -> Iterable[str]:
    for percent in _ticks(scale.floor, scale.top):
        y = scale.y(percent)
        yield _stroke([(0, y), (PANEL_WIDTH, y)], _GRID)
        yield f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{percent}</text>'
    for bits in widths:
        yield f'<text x="{scale.x(bits):.1f}" y="{PANEL_HEIGHT + 26}" text-anchor="middle">{bits}</text>'
    middle = PANEL_WIDTH / 2
    yield f'<text x="{middle:.0f}" y="{PANEL_HEIGHT + 44}" text-anchor="middle">bits of the multiplicand</text>'


def _rung1(scale: _Scale, least: Sequence[int]) -> Iterable[str]:
    for bits in least:
        x = scale.x(bits)
        yield _stroke([(x, PANEL_HEIGHT), (x, PANEL_HEIGHT + 12)], "#000000", opacity=0.25)
    if least:
        yield f'<text x="{scale.x(median(least)):.1f}" y="{PANEL_HEIGHT - 5}" text-anchor="middle">rung 1</text>'


def _line(scale: _Scale, line: Line) -> Iterable[str]:
    places = [(scale.x(p[0]), *map(scale.y, p[1:])) for p in sorted(line.points, reverse=True)]
    band = [(x, least) for x, least, _, _ in places] + [(x, most) for x, _, _, most in reversed(places)]
    yield f'<polygon points="{_path(band)}" fill="{line.colour}" fill-opacity="0.12"/>'
    yield _stroke([(x, mean) for x, _, mean, _ in places], line.colour, width=1.8)
    yield from (f'<circle cx="{x:.1f}" cy="{mean:.1f}" r="2.5" fill="{line.colour}"/>' for x, _, mean, _ in places)


def _ticks(floor: int, top: int) -> list[int]:
    step = next(s for s in (1, 2, 5, 10, 20) if (top - floor) / s <= 8)
    return list(range(-(-floor // step) * step, top + 1, step))


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in points)


def _stroke(
    points: Sequence[tuple[float, float]], colour: str, dash: str = "", width: float = 1.2, opacity: float = 1.0
) -> str:
    return (
        f'<polyline points="{_path(points)}" fill="none" stroke="{colour}" stroke-width="{width}" '
        f'stroke-dasharray="{dash}" stroke-opacity="{opacity}"/>'
    )
