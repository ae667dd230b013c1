"""What FINN makes of a build: mapped or not, equal or not at every step, its estimate beside ours.

FINN's exit codes and its own verification are not asked: the first are 0 where a verification failed, the second has a
tolerance. ``check.py`` compares every integer and reports plain counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isobit.backends.finn.backend import FOLDER, LAYERS, output_names
from isobit.backends.finn.environment import FINN_PLUS, SECONDS, run_script
from isobit.backends.ports import IntType
from isobit.errors import CheckFailed, IsobitError, printable
from isobit.ir import parse_graph

SIMULATION = "its C++ simulation"


@dataclass(frozen=True)
class FinnStep:
    """One step of FINN's: outputs compared after its Python execution (0 where it cannot be executed) and differing."""

    name: str
    outputs: int
    different: int
    note: str


@dataclass(frozen=True)
class FinnVerdict:
    """``unmapped`` are the nodes that FINN leaves to software, None where it did not come so far.

    ``misfolded`` are layers where FINN has other sizes than the folding was made for, None where it did not fold;
    ``narrow`` says where FINN's types do not hold the graph's integers at its border. Estimates are clocks a frame and
    LUT, DSP, 18-kbit BRAM, all of FINN's own analysis; ``error`` is why it stopped early. ``simulation`` is that of its
    C++, None where it did not run for want of ``missing``: files below folders that environment variables name.
    ``order`` are the model's outputs as the hardware has them.
    """

    steps: tuple[FinnStep, ...]
    unmapped: tuple[str, ...] | None
    misfolded: tuple[str, ...] | None
    cycles: Mapping[str, int]
    resources: Mapping[str, Mapping[str, float]]
    error: str
    narrow: tuple[str, ...] = ()
    simulation: FinnStep | None = None
    missing: tuple[str, ...] = ()
    order: tuple[int, ...] = ()

    @property
    def mapped(self) -> bool:
        """Is every node hardware, with the folding that was asked for?"""
        return self.unmapped == () and self.misfolded == () and not self.narrow and not self.error

    @property
    def equal(self) -> bool:
        """Did every step that FINN can execute give every integer, and its C++ where that was run?"""
        compared = [step for step in self.steps if step.outputs]
        all_of_it = [*self.steps, *([self.simulation] if self.simulation else [])]
        return bool(compared) and not any(step.different or step.note for step in all_of_it) and not self.error

    @property
    def interval(self) -> int:
        """Clocks of FINN's slowest layer."""
        return max(self.cycles.values(), default=0)


def check_finn_build(folder: Path, work: Path, seconds: float = SECONDS) -> FinnVerdict:
    """Run FINN's conversion, folding and estimates on a build's project.

    Raises:
        IsobitError: E303 without finn-plus, E601 where ``work`` cannot be; CheckFailed: E606 when it ends without a
            result.
    """
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IsobitError("E601", printable(error.strerror or error), where=printable(work)) from error
    found = run_script(folder / FOLDER / "check.py", work, seconds=seconds)
    layers = json.loads((folder / LAYERS).read_text(encoding="utf-8"))
    graph = parse_graph((folder / "graph.txt").read_text(encoding="utf-8"))
    bounds = {side: graph.types[last.name].bounds for side, last in output_names(graph).items()}
    bounds["input"] = graph.types[graph.inputs[0].name].bounds
    try:
        return verdict_of(found, layers, bounds)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"the result of FINN's run is not of check.py: {printable(repr(error))}"
        raise CheckFailed("E606", what, where=printable(work / "result.json"), hint="compile again") from error


def verdict_of(
    found: Mapping[str, Any], layers: Mapping[str, Any], bounds: Mapping[str, tuple[int, int]]
) -> FinnVerdict:
    """The verdict on what ``check.py`` wrote, for a build with these layers and these integers at its border."""
    steps = tuple(_step(record) for record in found["steps"])
    unmapped = found.get("unmapped")
    folded = found.get("folded")
    estimate = found["estimate"]
    simulation = found.get("simulation", {})
    return FinnVerdict(
        steps,
        None if unmapped is None else tuple(unmapped),
        None if folded is None else _misfolded(folded, layers),
        {name: int(count) for name, count in estimate.get("cycles", {}).items()},
        estimate.get("resources", {}),
        found["error"],
        tuple(text for record in found["steps"] for text in _narrow(record, bounds)),
        _step({"name": SIMULATION, **simulation}) if simulation and "missing" not in simulation else None,
        tuple(simulation.get("missing", ())),
        tuple(found.get("order", ())),
    )


_LEVELS = {"BINARY": (0, 1), "BIPOLAR": (-1, 1), "TERNARY": (-1, 1)}


def _narrow(record: Mapping[str, Any], bounds: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """Where a step's own types do not hold the border's integers: its Python execution, in floats, does not care."""
    for side, (lo, hi) in bounds.items():
        kind = record["border"][side]
        if kind == "FLOAT32":
            continue
        name = re.fullmatch(r"(U?)INT(\d+)", kind)
        span = _LEVELS.get(kind, (1, 0)) if name is None else IntType(int(name[2]), not name[1]).interval
        if lo < span[0] or hi > span[1]:
            yield f"{record['name']}: the {side} is {printable(kind)}, which does not hold {lo} .. {hi}"


def _step(record: Mapping[str, Any]) -> FinnStep:
    if not record.get("executed"):
        return FinnStep(record["name"], 0, 0, record.get("why", ""))
    return FinnStep(record["name"], record["outputs"], record["different"], record["first"])


def _misfolded(folded: Mapping[str, Any], layers: Mapping[str, Any]) -> tuple[str, ...]:
    """Layers that FINN does not have, or has in another size or folding."""
    wrong = []
    for name, layer in layers.items():
        wanted = layer["sizes"] | layer["factors"]
        have = folded.get(name)
        if have is None or any(have.get(key, value) != value for key, value in wanted.items()):
            wrong.append(f"{name} ({layer['node']}): {have}, not {wanted}")
    return tuple(wrong)


def _said(step: FinnStep) -> str:
    """What became of a step, "" of one that nothing was compared of."""
    if not step.outputs:
        return f"{step.name}: not executed: {step.note}" if step.note else ""
    result = f"{step.outputs - step.different:,} of {step.outputs:,} outputs equal"
    return f"{step.name}: {result}" + (f", first: {step.note}" if step.note else "")


def lines(verdict: FinnVerdict, ours: Mapping[str, int]) -> list[str]:
    """The verdict in words; ``ours`` are isobit's LUT, DSP, BRAM36 and clocks at the same folding."""
    said = []
    said += [text for step in verdict.steps if (text := _said(step))]
    if verdict.error:
        said.append(f"stopped: {verdict.error}")
    if verdict.unmapped is not None:
        said.append(f"not mapped to hardware: {', '.join(verdict.unmapped) or 'nothing'}")
    if verdict.misfolded is None:
        said.append("not folded: FINN did not come so far")
    said += [f"folded otherwise: {text}" for text in verdict.misfolded or ()]
    said += list(verdict.narrow)
    if list(verdict.order) != sorted(verdict.order):
        said.append(f"the hardware's outputs are the model's in this order: {', '.join(map(str, verdict.order))}")
    if total := verdict.resources.get("total"):
        finn = f"{total.get('LUT', 0):,.0f} LUT, {total.get('DSP', 0):,.0f} DSP, {total.get('BRAM_18K', 0):,.0f} BRAM18"
        said.append(f"{FINN_PLUS.replace('==', ' ')} estimates {finn}, {verdict.interval:,} clocks a frame")
        mine = f"{ours['lut']:,} LUT, {ours['dsp']:,} DSP, {ours['bram36']:,} BRAM36"
        said.append(f"isobit, of its own design, {mine}, {ours['interval']:,} clocks a frame")
    if verdict.simulation is not None:
        said.append(_said(verdict.simulation))
    else:
        said.append(f"{SIMULATION} did not run" + (f": no {', '.join(verdict.missing)}" if verdict.missing else ""))
    said.append("MAPPED AND EQUAL" if verdict.mapped and verdict.equal else "NOT MAPPED OR NOT EQUAL")
    return said
