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
GAINS = {"gain, 2^k": ("tapered, 2^k", "fixed point"), "gain": ("tapered", "integer")}
_STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""Student's t for 95 %, two-sided, from one degree of freedom on."""
_COLUMNS = 2
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


def panels(lines: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, list[dict[str, Any]], Cells]]:
    """Network and data, stage, its lines, and the percentages by method and bits, seed after seed; the best float."""
    for data, network in sorted({(line["data"], line["network"]) for line in lines}):
        own = [line for line in lines if (line["data"], line["network"]) == (data, network)]
        for stage in _STAGES:
            some = sorted((one for one in own if stage in one), key=lambda one: one["seed"])
            cells: Cells = defaultdict(list)
            floats: dict[tuple[int, int], float] = {}
            for line in some:
                if line["method"] in ORDER:
                    cells[line["method"], line["bits"]].append(100 * line[stage])
                else:
                    key = line["bits"], line["seed"]
                    floats[key] = max(floats.get(key, 0.0), 100 * line[stage])
            for (bits, _), value in floats.items():
                cells["float", bits].append(value)
            if cells:
                yield f"{network} on {data}", stage, some, cells


def tables(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A table for each network and stage: mean and standard deviation over the seeds, and of two gains of the taper."""
    for name, stage, some, cells in panels(lines):
        plain = {line["seed"]: 100 * line["float"] for line in some}
        epochs = {line["tuning"] for line in some if stage == "qat"}
        more = f", epochs: {' or '.join(map(str, sorted(epochs)))}" if epochs else ""
        seeds = f"{_said(list(plain.values()))} % in float, seeds: {len(plain)}"
        yield f"\n**{name}, {_STAGES[stage]}{more}**: {seeds}\n"
        yield "| bits | " + " | ".join((*ORDER, *GAINS)) + " |\n" + "|---" * (len(ORDER) + len(GAINS) + 1) + "|"
        for bits in sorted({b for _, b in cells}):
            columns = [_said(cells.get((m, bits), [])) for m in ORDER]
            columns += [_gain(cells.get((a, bits), []), cells.get((b, bits), [])) for a, b in GAINS.values()]
            yield f"| {bits} | " + " | ".join(columns) + " |"


def _said(values: Sequence[float], sign: str = "") -> str:
    if not values:
        return ""
    return f"{mean(values):{sign}.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def _gain(one: Sequence[float], other: Sequence[float]) -> str:
    """The difference seed by seed; bold where 0 lies outside the 95 % interval of its mean."""
    differences = [a - b for a, b in zip(one, other, strict=True)]
    text = _said(differences, "+")
    if not 1 < len(differences) <= len(_STUDENT) + 1:
        return text
    clear = abs(mean(differences)) > _STUDENT[len(differences) - 2] * stdev(differences) / len(differences) ** 0.5
    return f"**{text}**" if clear else text


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
    """All panels as SVG text, two in a row: means, and bands from the least to the greatest seed."""
    found = list(panels(lines))
    width = _LEFT + max(_COLUMNS * (_WIDTH + _GAP), 150 * len(ORDER))
    height = _TOP + -(-len(found) // _COLUMNS) * (_HEIGHT + _TOP) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<style>text {{ font-size: 12px }}</style><rect width="{width}" height="{height}" fill="white"/>',
    ]
    for n, (name, colour) in enumerate(COLOURS.items()):
        parts.append(f'<path d="M{_LEFT + 150 * n} 20h24" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{_LEFT + 150 * n + 30}" y="24">{name}</text>')
    for n, (name, stage, _, cells) in enumerate(found):
        row, column = divmod(n, _COLUMNS)
        parts.append(f'<g transform="translate({_LEFT + column * (_WIDTH + _GAP)} {_TOP + row * (_HEIGHT + _TOP)})">')
        parts += [*_panel(f"{name}, {_STAGES[stage]}, %", cells), "</g>"]
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
