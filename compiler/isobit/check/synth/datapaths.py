"""Proofs, for all inputs, that the RTL of a build computes what it promises: its requantizers' staircases, and sums.

A requantizer's module is taken with one channel's constants and one element a word. Its pipeline has no feedback, so
with an input that stands still every register may be a wire; what is left is a function of the accumulator, and Yosys'
SAT solver shows that it reaches every level of the staircase exactly where the staircase does, over the whole interval
that the graph proves for that channel. The staircase is that of ``graph.txt``, cut by cut, found with Python's integers
(:mod:`isobit.check.proofs.staircases`). Which channel a word is of, and when, is what the simulation shows. The sums
are those of packed products and of selected inputs (:mod:`isobit.check.synth.products`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from isobit import templates
from isobit.backends.dataflow.design import Process
from isobit.backends.dataflow.rtl import Single, single_channel
from isobit.build.folder import Build
from isobit.check.cosim.sources import rtl_sources
from isobit.check.cosim.verilator import find_verilator
from isobit.check.csim.clocks import design_of
from isobit.check.proofs.staircases import Record, cuts, function
from isobit.check.synth.claims import PROVEN, WRONG, answers
from isobit.check.synth.products import Products, ProductsProof, products_of, prove_products
from isobit.check.synth.yosys import Yosys, find_yosys
from isobit.ir.curve_record import curve_record
from isobit.ir.ops import Step

TEMPLATES = ("multiply_shift", "round_shift", "half_even", "thresholds")
MOST_LEVELS, MOST_BITS, BATCH = 1024, 60, 8
DEFAULT_LIMIT = 600.0
_MODEL = re.compile(r"\\acc\s+(-?\d+)")


@dataclass(frozen=True)
class DatapathProof:
    """A requantizer, or a unit of packed products or of selected inputs.

    ``template``: how it is built, or what of it is proven; ``different``: its channels that differ in constants,
    staircase or interval, or the claims of a unit of products; ``proven``: how many of them are; ``left`` out for their
    size or the time limit; ``problem``: the first that is wrong, and an accumulator to show it.
    """

    layer: str
    template: str
    different: int
    proven: int
    left: int
    problem: str = ""


@dataclass(frozen=True)
class _Claim:
    """A channel: its module's sources, file name to text, and the top module's name."""

    name: str
    channel: int
    texts: Mapping[str, str]


def prove_datapaths(
    build: Build, *, limit: float = DEFAULT_LIMIT, progress: Callable[[str], None] = lambda _: None
) -> tuple[DatapathProof, ...]:
    """Prove what ``build`` has to prove, with the modules that lie in it, in the order of its design.

    Args:
        limit: seconds for all; what they do not suffice for is left.

    Raises:
        IsobitError: E509 for a build without a dataflow design, E617 without Yosys, E618 when it refuses a module; for
            packed products E614, E604 or E605 without Verilator or a compiler.
    """
    design, yosys, end = design_of(build), find_yosys(), time.monotonic() + limit
    _, held = rtl_sources(build)
    units = {p.name: unit for p in design.processes if (unit := products_of(p))}
    if any(unit.packed for unit in units.values()):
        find_verilator()
    found, sums = list[DatapathProof](), dict[Products, ProductsProof]()
    for process in design.processes:
        if process.template in TEMPLATES:
            progress(f"proving {process.node}")
            found.append(_layer(build, process, yosys, end, held))
        elif unit := units.get(process.name):
            progress(f"proving {process.node}")
            if unit not in sums:
                sums[unit] = prove_products(unit, yosys, end, held)
            proof = sums[unit]
            shown = DatapathProof(process.node, unit.kind, proof.claims, proof.proven, proof.left, proof.problem)
            found.append(shown)
    return tuple(found)


def _layer(build: Build, process: Process, yosys: Yosys, end: float, held: Mapping[str, str]) -> DatapathProof:
    claims, too_large = _claims(build, process, held)
    proven = left = 0
    for first in range(0, len(claims), BATCH):
        batch = claims[first : first + BATCH]
        for claim, (verdict, model) in zip(batch, _proofs(batch, yosys, end), strict=True):
            if verdict == WRONG:
                problem = f"channel {claim.channel}: accumulator {model} gives another level"
                return DatapathProof(process.node, process.template, len(claims) + too_large, proven, 0, problem)
            proven += verdict == PROVEN
            left += verdict != PROVEN
    return DatapathProof(process.node, process.template, len(claims) + too_large, proven, left + too_large)


def _claims(build: Build, process: Process, held: Mapping[str, str]) -> tuple[list[_Claim], int]:
    """One for each channel that is like no earlier one, and the number of those that are too large."""
    node = build.graph.by_name[process.node]
    assert isinstance(node, Step)
    kind = build.graph.types[node.inputs[0]]
    channels = dict(process.constants)["CHANNELS"]
    assert isinstance(channels, int)
    spans = list(zip(kind.lo, kind.hi, strict=True)) if channels > 1 else [kind.bounds]
    claims: dict[str, _Claim] = {}
    large = set[int]()
    for channel in range(channels):
        curve = node.curves[channel if len(node.curves) > 1 else 0]
        lo, hi = (int(v) for v in spans[channel])
        own = single_channel(process, channel, build.manifest.board.dsp, held)
        texts = _texts(own, curve_record(curve), lo, hi)
        if texts is None:
            large.add(channel)
        elif (text := texts["proof.sv"]) not in claims:
            name = f"proof_{len(claims)}"
            claims[text] = _Claim(name, channel, texts)
    return [replace(c, texts=_named(c)) for c in claims.values()], len(large)


def _named(claim: _Claim) -> dict[str, str]:
    others = {name: text for name, text in claim.texts.items() if name != "proof.sv"}
    return others | {f"{claim.name}.sv": claim.texts["proof.sv"].replace("isobit_proof", claim.name)}


def _texts(own: Single, record: Record, lo: int, hi: int) -> dict[str, str] | None:
    """The sources of a claim; None where there are too many levels or bits."""
    f = function(record)
    bits, out = own.types["in_t"], own.types["out_t"]
    if f(hi) - f(lo) > MOST_LEVELS or max(bits.bits, out.bits) > MOST_BITS:
        return None
    levels = list(zip(range(f(lo) + 1, f(hi) + 1), cuts(record, f, lo, hi), strict=True))
    context = {
        "name": "isobit_proof", "module": own.module, "parameters": own.parameters, "signed": bits.signed,
        "bits": bits.bits, "out_signed": out.signed, "out_bits": out.bits, "lo": _literal(lo), "hi": _literal(hi),
        "start": _literal(f(lo)), "last": _literal(f(hi)),
        "cuts": [(_literal(level), _literal(cut)) for level, cut in levels],
    }  # fmt: skip
    environment = templates.environment(templates.root() / "synth")
    return {"proof.sv": environment.get_template("proof.sv.j2").render(context)} | dict(own.texts)


def _literal(value: int) -> str:
    return f"{'-' if value < 0 else ''}64'sd{abs(value)}"


def _proofs(batch: list[_Claim], yosys: Yosys, end: float) -> Iterator[tuple[str, str]]:
    """Verdict and model of each claim; no verdict where there is no time for it."""
    texts = {name: text for claim in batch for name, text in claim.texts.items()}
    found = answers([claim.name for claim in batch], texts, yosys, end - time.monotonic(), shown=True)
    for claim in batch:
        verdict, after = found.get(claim.name, ("", ""))
        model = _MODEL.search(after)
        yield verdict, model[1] if model else "?"
