"""The tables and the plot of the results of ``accuracy.py``.

    python benchmarks/tapered/page.py benchmarks/tapered/results.jsonl [--write docs/tapered.md]

Prints the tables, or puts them into their place in a page and the plot beside it.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import energy

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
ORDER = ("fixed point", "integer", "tapered, 2^k", "tapered", "float")
COLOURS = dict(zip(ORDER, ("#c0392b", "#2c6fbb", "#e39b2d", "#1d8348", "#7d3c98"), strict=True))
_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 300, 220, 50, 60, 70
_STAGES = {"ptq": "after training (PTQ)", "qat": "trained on (QAT)"}
Cells = dict[tuple[str, int], list[float]]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="what accuracy.py wrote")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page")
    options = parser.parse_args(arguments)
    lines = [json.loads(line) for line in options.results.read_text(encoding="utf-8").splitlines()]
    text = "\n".join([*tables(lines), *energies(lines)])
    if options.write is None:
        print(text)
        return
    page = options.write.read_text(encoding="utf-8")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    options.write.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8", newline="\n")
    options.write.with_suffix(".svg").write_text(draw(lines), encoding="utf-8", newline="\n")


def panels(lines: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, Cells]]:
    """Network, stage, and the percentages of all seeds by method and bits; of several floats the best."""
    for network in dict.fromkeys(line["network"] for line in lines):
        for stage in _STAGES:
            cells: Cells = defaultdict(list)
            floats: dict[tuple[int, int], float] = {}
            for line in (one for one in lines if one["network"] == network and stage in one):
                if line["method"] in ORDER:
                    cells[line["method"], line["bits"]].append(100 * line[stage])
                else:
                    key = line["bits"], line["seed"]
                    floats[key] = max(floats.get(key, 0.0), 100 * line[stage])
            for (bits, _), value in floats.items():
                cells["float", bits].append(value)
            if cells:
                yield network, stage, cells


def tables(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A table for each network and stage: mean and standard deviation over the seeds."""
    for network, stage, cells in panels(lines):
        some = [line for line in lines if line["network"] == network and stage in line]
        plain = {line["seed"]: 100 * line["float"] for line in some}
        epochs = {line["tuning"] for line in some if stage == "qat"}
        more = f", epochs: {' or '.join(map(str, sorted(epochs)))}" if epochs else ""
        seeds = f"{_said(list(plain.values()))} % in float, seeds: {len(plain)}"
        yield f"\n**{network}, {_STAGES[stage]}{more}**: {seeds}\n"
        yield "| bits | " + " | ".join(ORDER) + " |\n" + "|---" * (len(ORDER) + 1) + "|"
        for bits in sorted({b for _, b in cells}):
            yield f"| {bits} | " + " | ".join(_said(cells.get((m, bits), [])) for m in ORDER) + " |"


def _said(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def energies(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Energy of a multiply-accumulate with the runs that were chosen, against an integer of the same bits."""
    yield "\n| bits | runs chosen, share | energy against an integer | the same, with the weight read from memory |"
    yield "|---|---|---|---|"
    runs: dict[int, list[int]] = defaultdict(list)
    for line in lines:
        if line["method"] == "tapered":
            runs[line["bits"]] += line["runs"]
    for bits, chosen in sorted(runs.items()):
        shares = {run: chosen.count(run) / len(chosen) for run in sorted(set(chosen))}
        totals = [sum(s * energy.tapered(bits, run)[i] for run, s in shares.items()) for i in (0, 1)]
        ratios = [total / plain - 1 for total, plain in zip(totals, energy.fixed(bits), strict=True)]
        said = ", ".join(f"{run}: {share:.0%}" for run, share in shares.items())
        yield f"| {bits} | {said} | {ratios[0]:+.0%} | {ratios[1]:+.0%} |"


def draw(lines: Sequence[dict[str, Any]]) -> str:
    """All panels side by side as SVG text: means, and bands from the least to the greatest seed."""
    found = list(panels(lines))
    width, height = _LEFT + len(found) * (_WIDTH + _GAP), _TOP + _HEIGHT + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<style>text {{ font-size: 12px }}</style><rect width="{width}" height="{height}" fill="white"/>',
    ]
    for n, (name, colour) in enumerate(COLOURS.items()):
        parts.append(f'<path d="M{_LEFT + 150 * n} 20h24" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{_LEFT + 150 * n + 30}" y="24">{name}</text>')
    for n, (network, stage, cells) in enumerate(found):
        parts.append(f'<g transform="translate({_LEFT + n * (_WIDTH + _GAP)} {_TOP})">')
        parts += [*_panel(f"{network}, {_STAGES[stage]}, %", cells), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(title: str, cells: Cells) -> Iterator[str]:
    bits = sorted({b for _, b in cells})
    top, floor = max(map(max, cells.values())), min(map(min, cells.values()))
    yield f'<text x="0" y="-10" font-weight="bold">{title}</text>'

    def at(b: int, value: float) -> str:
        x = _WIDTH * (b - bits[0]) / max(bits[-1] - bits[0], 1)
        return f"{x:.1f},{_HEIGHT * (top - value) / max(top - floor, 1e-9):.1f}"

    for value in (floor, (floor + top) / 2, top):
        y = _HEIGHT * (top - value) / max(top - floor, 1e-9)
        yield f'<path d="M0 {y:.1f}h{_WIDTH}" stroke="#dddddd"/><text x="-6" y="{y + 4:.1f}" text-anchor="end">'
        yield f"{value:.0f}</text>"
    for b in bits:
        x = at(b, top).split(",")[0]
        yield f'<text x="{x}" y="{_HEIGHT + 20}" text-anchor="middle">{b} bits</text>'
    for method in ORDER:
        there = [b for b in bits if cells.get((method, b))]
        band = [at(b, min(cells[method, b])) for b in there] + [at(b, max(cells[method, b])) for b in reversed(there)]
        middle = [at(b, mean(cells[method, b])) for b in there]
        yield f'<polygon points="{" ".join(band)}" fill="{COLOURS[method]}" fill-opacity="0.12"/>'
        yield f'<polyline points="{" ".join(middle)}" fill="none" stroke="{COLOURS[method]}" stroke-width="2"/>'


if __name__ == "__main__":
    main()
