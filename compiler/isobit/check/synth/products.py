"""Proofs, for all inputs, that packed products, and inputs that weights select, give the sums they stand for.

Packed products (``isobit_packed``) are proven in two parts. Of one multiplier all operands are tried, in Verilator: its
word is both products, 2^PACKED apart. Then Yosys' SAT solver takes the unit with its multipliers cut out: each has the
operands of its two products, and whatever these are, as long as operands of those widths can have them, what a chain
gives are their sums, and the totals the sums of the chains. So the totals are the sums of the products: no multiplier
is left to the solver, for which it would be too much. Sums of inputs with weights of -1 and 1 (``isobit_bipolar``) are
one claim, without multipliers.

Outputs, samples, pairs and chains of a unit are instances of the same lines; the first and the last are proven, in the
unit as it is built. When a word comes, and what is added up over iterations, is what the simulation shows.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from isobit import templates
from isobit.backends.dataflow.catalogue import numbers
from isobit.backends.dataflow.design import Process
from isobit.backends.dataflow.rtl import module_texts
from isobit.backends.ports import IntType
from isobit.build.files import write_files
from isobit.check.cosim.verilator import FOREIGN, verilated
from isobit.check.synth.claims import PROVEN, WRONG, answers
from isobit.check.synth.yosys import Yosys
from isobit.errors import CheckFailed, printable
from isobit.subprocesses import run

PACKED, SELECTED = "packed products", "selected inputs"
Held = Mapping[str, str] | None


@dataclass(frozen=True)
class Products:
    """What the sums of a unit depend on; equal units are proven once.

    ``samples``, ``pe``, ``simd``: outputs of so many samples, and the products of each; ``packed``: bits from the lower
    product of a multiplier to the upper one (0: weights of -1 and 1, no multipliers), ``chain``: the most multipliers
    whose words are summed.
    """

    samples: int
    pe: int
    simd: int
    x: IntType
    weight: IntType
    packed: int
    chain: int

    @property
    def kind(self) -> str:
        """What is proven of it, in words."""
        return PACKED if self.packed else SELECTED

    @property
    def by_weight(self) -> bool:
        """Do two samples share a multiplier, or two outputs? See ``isobit_packed.sv``."""
        return self.pe * -(-self.samples // 2) < self.samples * -(-self.pe // 2)

    @property
    def last(self) -> tuple[int, int]:
        """The numbers of its last pair and chain, or of its last output."""
        if not self.packed:
            return self.samples * self.pe - 1, 0
        pairs = self.pe * -(-self.samples // 2), self.samples * -(-self.pe // 2)
        return min(pairs) - 1, -(-self.simd // self.chain) - 1


@dataclass(frozen=True)
class ProductsProof:
    """How many claims there are of a unit, how many of them are proven and how many left; the first that is wrong."""

    claims: int
    proven: int
    left: int
    problem: str = ""


def products_of(process: Process) -> Products | None:
    """The packed products or selected inputs of ``process``; None where it has neither."""
    constants, types = numbers(process), dict(process.types)
    packed = constants.get("PACKED", 0)
    if not packed and not constants.get("BIPOLAR", 0):
        return None
    shape = constants.get("SAMPLES", 1), constants["PE"], constants["SIMD"]
    return Products(*shape, types["in_t"], types["weight_t"], packed, constants.get("CHAIN", 1))


def prove_products(unit: Products, yosys: Yosys, end: float, held: Held = None) -> ProductsProof:
    """Prove ``unit``, with the modules ``held`` of a build; what is not answered by the time ``end`` is left.

    Raises:
        IsobitError: E614, E604 or E605 without Verilator or a compiler, E618 when Yosys refuses a module, E608 when
            ``held`` lacks one.
        CheckFailed: E606 when the simulation of all operands does not end by itself.
    """
    found = list(_answers(unit, yosys, end, held))
    problem = next((what for what, answer in found if answer == WRONG), "")
    proven, left = (sum(answer == kind for _, answer in found) for kind in (PROVEN, ""))
    return ProductsProof(len(found), proven, left, problem)


def _answers(unit: Products, yosys: Yosys, end: float, held: Held) -> Iterator[tuple[str, str]]:
    """What would be wrong, and the answer: proven, wrong, or none."""
    if unit.packed:
        texts = module_texts({"packed", "sums"}, held)
        yield "a multiplier's word is not its two products", _multiplier(unit, texts, end)
        claim = _claim("packed_claim.sv") | texts
    else:
        claim = _claim("selected_claim.sv") | module_texts({"bipolar", "counts"}, held)
    last_one, last_chain = unit.last
    for one, chain in product(sorted({0, last_one}), sorted({0, last_chain})):
        places = [("ONE", one), ("AT", chain)] if unit.packed else [("ONE", one)]
        found = answers(
            ["claim"], claim, yosys, end - time.monotonic(), cut=unit.simd if unit.packed else 0,
            parameters=[*_parameters(unit), *places],
        )  # fmt: skip
        what = f"chain {chain} of pair {one}" if unit.packed else f"output {one}"
        yield f"{what} has another sum", found.get("claim", ("", ""))[0]


def _claim(name: str) -> dict[str, str]:
    folder = templates.root() / "synth"
    return {
        "claim.sv": (folder / name).read_text(encoding="utf-8"),
        "sum_tree.sv": (folder / "sum_tree.sv").read_text(encoding="utf-8"),
    }


def _parameters(unit: Products) -> Iterator[tuple[str, int]]:
    yield from (("SAMPLES", unit.samples), ("PE", unit.pe), ("SIMD", unit.simd))
    yield from (("IN_T", unit.x.bits), ("IN_T_SIGNED", int(unit.x.signed)))
    if unit.packed:
        yield from (("WEIGHT_T", unit.weight.bits), ("WEIGHT_T_SIGNED", int(unit.weight.signed)))
        yield from (("PACKED", unit.packed), ("CHAIN", unit.chain))
        corners = [a * b for a in _extremes(unit.x) for b in _extremes(unit.weight)]
        yield from (("LEAST", min(corners)), ("MOST", max(corners)))


def _extremes(kind: IntType) -> tuple[int, int]:
    half = 1 << kind.bits - 1
    return (-half, half - 1) if kind.signed else (0, 2 * half - 1)


def _multiplier(unit: Products, texts: Mapping[str, str], end: float) -> str:
    """All operands of one multiplier."""
    rest = end - time.monotonic()
    if rest <= 0:
        return ""
    own, shared = (unit.x, unit.weight) if unit.by_weight else (unit.weight, unit.x)
    operands = 1 << 2 * own.bits + shared.bits
    folder = templates.root() / "synth"
    top = templates.environment(folder).get_template("pair.sv.j2").render(
        own=own, shared=shared, packed=unit.packed, by_weight=unit.by_weight
    )  # fmt: skip
    whole = {**texts, "pair.sv": top, "pair.cpp": (folder / "pair.cpp").read_text(encoding="utf-8")}
    with tempfile.TemporaryDirectory(prefix="isobit-prove-") as scratch:
        write_files(Path(scratch), {name: text.encode("utf-8") for name, text in whole.items()})
        sources = sorted(name for name in whole if name.endswith(".sv"))
        program = verilated(Path(scratch), sources, operands, None, top="isobit_pair", warnings=FOREIGN)
        try:
            done = run([str(program)], timeout=max(end - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            return ""
    said = done.stdout.decode(errors="replace").split()
    if done.returncode == 0 and said == ["0", str(operands)]:
        return PROVEN
    if done.returncode == 0 and said[:1] == ["1"]:
        return WRONG
    why = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
    raise CheckFailed("E606", printable(why, 300), where="RTL")
