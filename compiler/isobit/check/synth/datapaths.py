"""Proofs, for all inputs, that the RTL of a build's requantizers computes their staircases.

A requantizer's module is taken with one channel's constants and one element a word. Its pipeline has no feedback, so
with an input that stands still every register may be a wire; what is left is a function of the accumulator, and Yosys'
SAT solver shows that it reaches every level of the staircase exactly where the staircase does, over the whole interval
that the graph proves for that channel. The staircase is that of ``graph.txt``, cut by cut, found with Python's integers
(:mod:`isobit.check.proofs.staircases`). Which channel a word is of, and when, is what the simulation shows.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from isobit import templates
from isobit.backends.dataflow.design import Process
from isobit.backends.dataflow.rtl import Single, single_channel
from isobit.build.files import write_files
from isobit.build.folder import Build
from isobit.check.cosim.sources import rtl_sources
from isobit.check.csim.clocks import design_of
from isobit.check.proofs.staircases import Record, cuts, function
from isobit.check.synth.yosys import Yosys, YosysTimeout, find_yosys
from isobit.ir.curve_record import curve_record
from isobit.ir.ops import Step

TEMPLATES = ("multiply_shift", "round_shift", "half_even", "thresholds")
MOST_LEVELS, MOST_BITS, BATCH = 1024, 60, 8
DEFAULT_LIMIT = 600.0
_RESULT = re.compile(
    r"ISOBIT-PROOF (\S+)\n(?:(?!ISOBIT-PROOF).)*?(no model found: SUCCESS|model found: FAIL|Interrupted)(.*?)"
    r"(?=ISOBIT-PROOF|\Z)", re.DOTALL
)  # fmt: skip
"""A claim's name, its verdict, and what follows; never the verdict of the claim behind it."""
_MODEL = re.compile(r"\\acc\s+(-?\d+)")


@dataclass(frozen=True)
class DatapathProof:
    """A requantizer.

    ``different``: its channels that differ in constants, staircase or interval; ``proven``: how many of them are;
    ``left`` out for their size or the time limit; ``problem``: the first that is wrong, and an accumulator to show it.
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
    """Prove every requantizer of ``build``, with the modules that lie in it, in the order of its design.

    Args:
        limit: seconds for all; what they do not suffice for is left.

    Raises:
        IsobitError: E509 for a build without a dataflow design, E617 without Yosys, E618 when it refuses a module.
    """
    design, yosys, end = design_of(build), find_yosys(), time.monotonic() + limit
    _, held = rtl_sources(build)
    found = []
    for process in design.processes:
        if process.template in TEMPLATES:
            progress(f"proving {process.node}")
            found.append(_layer(build, process, yosys, end, held))
    return tuple(found)


def _layer(build: Build, process: Process, yosys: Yosys, end: float, held: Mapping[str, str]) -> DatapathProof:
    claims, too_large = _claims(build, process, held)
    proven = left = 0
    for first in range(0, len(claims), BATCH):
        batch = claims[first : first + BATCH]
        for claim, (verdict, model) in zip(batch, _proofs(batch, yosys, end), strict=True):
            if verdict == "model found: FAIL":
                problem = f"channel {claim.channel}: accumulator {model} gives another level"
                return DatapathProof(process.node, process.template, len(claims) + too_large, proven, 0, problem)
            proven += verdict.endswith("SUCCESS")
            left += not verdict.endswith("SUCCESS")
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
    """Verdict and model of each claim; ``left`` for all where there is no time for them."""
    rest = end - time.monotonic()
    text = _run(batch, yosys, rest) if rest > 0 else ""
    results = {name: (verdict, after) for name, verdict, after in _RESULT.findall(text)}
    for claim in batch:
        verdict, after = results.get(claim.name, ("left", ""))
        model = _MODEL.search(after)
        yield verdict, model[1] if model else "?"


def _run(batch: list[_Claim], yosys: Yosys, limit: float) -> str:
    """What Yosys prints; nothing when it does not end in time."""
    texts: dict[str, str] = {}
    for claim in batch:
        texts |= claim.texts
    folder = templates.root() / "synth"
    names = [claim.name for claim in batch]
    script = templates.environment(folder).get_template("prove.ys.j2")
    sources = sorted(name for name in texts if name.endswith(".sv"))
    texts["prove.ys"] = script.render(names=names, sources=sources)
    texts["registers.v"] = (folder / "registers.v").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="isobit-prove-") as scratch:
        write_files(Path(scratch), {name: text.encode("utf-8") for name, text in texts.items()})
        try:
            return yosys.run("prove.ys", Path(scratch), limit)
        except YosysTimeout:
            return ""
