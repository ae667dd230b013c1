"""Proofs, for all inputs, of the RTL's units of products: packed products and sums of bits are the sums they stand for.

First a plain sum of products, written here, beside the whole module, for Yosys' SAT solver: small widths, for it finds
multipliers hard. Then what `isobit verify --rtl` claims of a unit of any size.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from isobit.backends.dataflow.rtl import module_texts
from isobit.backends.ports import IntType
from isobit.check.csim.clocks import design_of
from isobit.check.synth import claims, datapaths, products
from isobit.check.synth.claims import PROVEN, WRONG
from isobit.check.synth.products import Products, ProductsProof, prove_products
from isobit.check.synth.yosys import Yosys, find_yosys
from tests.backends.dataflow.test_packed import compiled, matrix
from tests.check.cosim.test_cosim import needs_verilator
from tests.check.synth.test_synth import needs_yosys

LIMIT = 1200.0
CLAIM = """
module claim #(
    parameter int SAMPLES = 1, PE = 1, SIMD = 1, IN_T = 1, WEIGHT_T = 1, SUM = 32,
    parameter bit IN_SIGNED = 0, WEIGHT_SIGNED = 1, BITS = 0
) (
    input logic clk, input logic [SAMPLES*SIMD*IN_T-1:0] x, input logic [PE*SIMD*WEIGHT_T-1:0] weights,
    output logic equal
);
  logic signed [SUM-1:0] totals[SAMPLES*PE];
  UNIT
  logic [SAMPLES*PE-1:0] right;
  for (genvar c = 0; c < SAMPLES * PE; c++) begin : g_sum
    logic signed [31:0] sums[SIMD+1];
    assign sums[0] = 0;
    for (genvar s = 0; s < SIMD; s++) begin : g_term
      wire [IN_T-1:0] a = x[(c/PE*SIMD+s)*IN_T+:IN_T];
      wire [WEIGHT_T-1:0] b = weights[(c%PE*SIMD+s)*WEIGHT_T+:WEIGHT_T];
      wire signed [31:0] left = $signed({IN_SIGNED & a[IN_T-1], a});
      wire signed [31:0] factor = BITS ? (b[0] ? 1 : -1) : $signed({WEIGHT_SIGNED & b[WEIGHT_T-1], b});
      assign sums[s+1] = sums[s] + left * factor;
    end
    assign right[c] = 32'(totals[c]) == sums[SIMD];
  end
  assign equal = &right;
endmodule
"""
PACKED = """isobit_packed #(.SAMPLES(SAMPLES), .PE(PE), .SIMD(SIMD), .IN_T(IN_T), .IN_T_SIGNED(IN_SIGNED),
      .WEIGHT_T(WEIGHT_T), .WEIGHT_T_SIGNED(WEIGHT_SIGNED), .PACKED({shift}), .CHAIN(SIMD)) unit (
      .clk, .enable(1'b1), .x, .weights, .totals);"""
BIPOLAR = """isobit_bipolar #(.SAMPLES(SAMPLES), .PE(PE), .SIMD(SIMD), .IN_T(IN_T), .IN_T_SIGNED(IN_SIGNED)) unit (
      .clk, .enable(1'b1), .x, .weights, .totals);"""


def changed(**changes: str) -> dict[str, str]:
    """The modules, with ``old -> new`` in those named."""
    texts = module_texts({"packed", "sums", "bipolar", "counts"})
    for file, (old, new) in {f"isobit_{name}.sv": change.split(" -> ") for name, change in changes.items()}.items():
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new)
    return texts


def verdict(unit: str, parameters: dict[str, int], texts: dict[str, str]) -> str:
    """Yosys' verdict of a plain sum beside the module."""
    sources = texts | {"claim.sv": CLAIM.replace("UNIT", unit)}
    return claims.answers(["claim"], sources, find_yosys(), LIMIT, parameters=parameters.items())["claim"][0]


@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize("signs", [(0, 1), (1, 1), (1, 0)])
@pytest.mark.parametrize(("samples", "pe"), [(1, 2), (2, 1), (1, 3)])
@pytest.mark.parametrize(("bits", "simd", "shift"), [(4, 1, 10), (3, 2, 9)])
def test_packed_products(bits: int, simd: int, shift: int, samples: int, pe: int, signs: tuple[int, int]) -> None:
    """Two outputs or two samples share an operand; an output without a partner; a chain of two."""
    sizes = {"SAMPLES": samples, "PE": pe, "SIMD": simd, "IN_T": bits, "WEIGHT_T": bits, "SUM": 2 * bits + 2 + simd - 1}
    parameters = sizes | {"IN_SIGNED": signs[0], "WEIGHT_SIGNED": signs[1]}
    assert verdict(PACKED.format(shift=shift), parameters, changed()) == PROVEN


@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize(("bits", "simd", "signed"), [(1, 9, 0), (2, 6, 0), (2, 6, 1), (1, 1, 0)])
def test_sums_of_selected_inputs(bits: int, simd: int, signed: int) -> None:
    """Weights of -1 and 1 as bits: counted where inputs are bits too."""
    parameters = {"SIMD": simd, "IN_T": bits, "IN_SIGNED": signed, "BITS": 1, "SUM": bits + (simd - 1).bit_length() + 3}
    assert verdict(BIPOLAR, parameters, changed()) == PROVEN


@needs_yosys
@pytest.mark.slow
def test_a_fault_is_no_plain_sum() -> None:
    """The chain begins without half of 2^PACKED; a count drops a carry."""
    small = {"PE": 2, "IN_T": 3, "WEIGHT_T": 3, "SUM": 8}
    without = changed(packed="assign so_far = HALF; -> assign so_far = '0;")
    assert verdict(PACKED.format(shift=8), small, without) == WRONG
    counted = {"SIMD": 9, "BITS": 1, "SUM": 8}
    assert verdict(BIPOLAR, counted, changed(counts="twos[1] ^ carry -> twos[1]")) == WRONG


def number(bits: int, signed: bool) -> IntType:
    return IntType(bits, signed)


U1, U2, S4, U8, S8 = (number(*kind) for kind in ((1, False), (2, False), (4, True), (8, False), (8, True)))
UNITS = {
    "bytes": Products(1, 2, 3, U8, S8, 18, 3),
    "signed bytes, none without a partner": Products(1, 3, 2, S8, S8, 18, 1),
    "samples": Products(3, 1, 4, U8, S4, 18, 4),
    "bits": Products(1, 3, 32, U1, S8, 0, 1),
    "two bits of two samples": Products(2, 2, 10, U2, S8, 0, 1),
}


@needs_verilator
@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize("name", UNITS)
def test_units_are_proven(name: str) -> None:
    """With 8 bits, too: no multiplier is left to the solver."""
    unit = UNITS[name]
    one, chain = unit.last
    claimed = (1 + (one > 0)) * (1 + (chain > 0)) + (unit.packed > 0)
    assert prove_products(unit, find_yosys(), time.monotonic() + LIMIT) == ProductsProof(claimed, claimed, 0)


FAULTS = {  # what is changed, in a unit, and what is told
    "product <= pair * shared; -> product <= (PACKED + OWN + SHARED)'((pair & ~1) * shared);": "a multiplier's word",
    "assign so_far = HALF; -> assign so_far = '0;": "chain 0 of pair 0",
    "(O1*SIMD+s)*WEIGHT_T -> (O*SIMD+s)*WEIGHT_T": "a multiplier's word",
    "(P*SIMD+s)*IN_T+:IN_T], x1 -> (P*SIMD)*IN_T+:IN_T], x1": "chain 0 of pair 0",
    "assign so_far = g_product[s-1].sum; -> assign so_far = HALF;": "chain 0 of pair 0",
    "= sum[SUM-1:PACKED]; -> = PART'(sum >>> PACKED + (s > 1));": "chain 0 of pair 0",
}


@needs_verilator
@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_packed_products_is_told(fault: str) -> None:
    small = Products(1, 2, 3, number(3, False), number(3, True), 9, 3)
    proof = prove_products(small, find_yosys(), time.monotonic() + LIMIT, changed(packed=fault))
    assert proof.problem.startswith(FAULTS[fault]) and proof.proven < proof.claims


@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize("fault", ["counts:twos[1] ^ carry -> twos[1]", "bipolar:, 1'b0}) -> , 1'b1})"])
def test_a_fault_of_selected_inputs_is_told(fault: str) -> None:
    module, _, change = fault.partition(":")
    proof = prove_products(UNITS["bits"], find_yosys(), time.monotonic() + LIMIT, changed(**{module: change}))
    assert (proof.proven, proof.problem) == (0, "output 0 has another sum")


@needs_yosys
@pytest.mark.slow
def test_a_chain_too_long_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two products of signed bytes reach 2^15, which 16 bits do not hold."""
    monkeypatch.setattr(products, "_multiplier", lambda *_: PROVEN)
    for chain, wrong in ((1, ""), (2, "chain 0 of pair 0 has another sum")):
        unit = Products(1, 2, 2, S8, S8, 16, chain)
        assert prove_products(unit, find_yosys(), time.monotonic() + LIMIT).problem == wrong


class Asked(Yosys):
    """Yosys that says ``answer`` of every claim, and keeps the scripts' first lines."""

    def __init__(self, answer: str) -> None:
        super().__init__(("none",), "1")
        self.answer, self.asked = answer, list[str]()

    def run(self, script: str, folder: Path, timeout: float) -> str:
        self.asked.append((folder / script).read_text(encoding="utf-8"))
        return f"ISOBIT-PROOF claim\n{self.answer}\n"


def test_what_is_asked_of_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own widths, the first and the last of its pairs, and as many multipliers cut out as there are in one."""
    monkeypatch.setattr(products, "_multiplier", lambda *_: PROVEN)
    yosys = Asked(PROVEN)
    assert prove_products(Products(1, 5, 6, U8, S4, 22, 3), yosys, time.monotonic() + 9) == ProductsProof(5, 5, 0)
    for (one, chain), script in zip(product((0, 2), (0, 1)), yosys.asked, strict=True):
        for said in ("PE=5", "SIMD=6", "IN_T=8", "WEIGHT_T=4", "PACKED=22", "CHAIN=3", "LEAST=-2040", "MOST=1785"):
            assert f" -G {said} " in script
        assert f" -G ONE={one} -G AT={chain} " in script
        assert "select -assert-count 6 t:$mul\ncutpoint t:$mul" in script
    selected = Asked(WRONG)
    proof = prove_products(UNITS["bits"], selected, time.monotonic() + 9)
    assert proof == ProductsProof(2, 0, 0, "output 0 has another sum")
    assert "cutpoint" not in selected.asked[0] and " -G ONE=2 " in selected.asked[1]


def test_what_has_no_answer_is_left() -> None:
    unit = UNITS["bits"]
    assert prove_products(unit, Asked("Interrupted SAT solver: TIMEOUT!"), time.monotonic() + 9) == ProductsProof(
        2, 0, 2
    )
    none = Asked(PROVEN)
    assert prove_products(UNITS["bytes"], none, time.monotonic()) == ProductsProof(2, 0, 2) and not none.asked


def test_equal_units_of_a_build_are_proven_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build, name = compiled(matrix(tmp_path), "kv260", 'pe = 3\nsimd = 6\nmultiplier = "packed"')
    design = design_of(build)
    twice = replace(design, processes=(*design.processes, *(p for p in design.processes if p.node == name)))
    yosys, units = Asked(PROVEN), list[Products]()

    def proven(unit: Products, *_: object) -> ProductsProof:
        units.append(unit)
        return ProductsProof(3, 2, 1)

    monkeypatch.setattr(datapaths, "find_yosys", lambda: yosys)
    monkeypatch.setattr(datapaths, "design_of", lambda _: twice)
    monkeypatch.setattr(datapaths, "prove_products", proven)
    proofs = [p for p in datapaths.prove_datapaths(build) if p.layer == name]
    assert [(p.template, p.different, p.proven, p.left) for p in proofs] == [("packed products", 3, 2, 1)] * 2
    assert units == [Products(1, 3, 6, U8, S8, 18, 4)]
