"""Proofs, for all inputs, of the RTL's units of products: packed products and sums of bits are the sums they stand for.

A plain sum of products, written here, beside the module, for Yosys' SAT solver. Operands of 8 bits are too much for it:
there all of them are simulated.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from isobit import templates
from isobit.backends.dataflow.rtl.write import module_texts
from isobit.check.cosim.verilator import FOREIGN, verilated
from isobit.check.synth.yosys import find_yosys
from tests.check.cosim.test_cosim import needs_verilator
from tests.check.synth.test_synth import needs_yosys

LIMIT = 1200.0
PROVEN, WRONG = "no model found: SUCCESS", "model found: FAIL"
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


EXHAUSTIVE = """
module isobit_exhaustive (input logic clk, output logic done, output logic [31:0] compared, wrong);
  logic [24:0] n = 0;
  wire [7:0] x = n[7:0];
  logic signed [17:0] totals[2];
  isobit_packed #(.PE(2), .SIMD(1), .IN_T(8), .IN_T_SIGNED(SIGNED_INPUTS), .WEIGHT_T(8), .PACKED(18), .CHAIN(1)) unit (
      .clk, .enable(1'b1), .x, .weights(n[23:8]), .totals);
  wire signed [8:0] left = {SIGNED_INPUTS && x[7], x};
  logic signed [17:0] expected[2][2];
  always_ff @(posedge clk) begin
    n <= n + 1;
    for (int o = 0; o < 2; o++) begin
      expected[0][o] <= 18'(left) * 18'($signed(n[8+8*o+:8]));
      expected[1][o] <= expected[0][o];
    end
    if (n >= 2 && !done) begin
      compared <= compared + 1;
      wrong <= wrong + 32'(totals[0] != expected[1][0] || totals[1] != expected[1][1]);
    end
  end
  assign done = compared == 1 << 24;
endmodule
"""
DRIVER = """
#include "Visobit_exhaustive.h"
#include "verilated.h"
#include <cstdio>
#include <memory>

int main() {
  const std::unique_ptr<VerilatedContext> context(new VerilatedContext);
  const std::unique_ptr<Visobit_exhaustive> top(new Visobit_exhaustive(context.get()));
  while (!top->done) {
    top->clk = 0;
    top->eval();
    top->clk = 1;
    top->eval();
  }
  std::printf("%u %u\\n", unsigned(top->compared), unsigned(top->wrong));
}
"""


def answers(folder: Path, unit: str, parameters: dict[str, int], **changed: str) -> str:
    """Yosys' verdict."""
    texts = module_texts({"packed", "sums", "bipolar", "counts"})
    for file, (old, new) in {f"isobit_{name}.sv": change.split(" -> ") for name, change in changed.items()}.items():
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new)
    texts["claim.sv"] = CLAIM.replace("UNIT", unit)
    given = "".join(f" -G {key}={value}" for key, value in parameters.items())
    synth = templates.root() / "synth"
    text = templates.environment(synth).get_template("prove.ys.j2").render(names=["claim"], sources=sorted(texts))
    text = text.replace("--top claim", f"--top claim{given}").replace("-show acc ", "")
    texts |= {"prove.ys": text, "registers.v": (synth / "registers.v").read_text()}
    for name, content in texts.items():
        (folder / name).write_text(content)
    said = find_yosys().run("prove.ys", folder, LIMIT)
    (line,) = (line for line in said.splitlines() if "SAT proof finished" in line)
    return PROVEN if PROVEN in line else WRONG


@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize("signs", [(0, 1), (1, 1), (1, 0)])
@pytest.mark.parametrize(("samples", "pe"), [(1, 2), (2, 1), (1, 3)])
@pytest.mark.parametrize(("bits", "simd", "shift"), [(4, 1, 10), (3, 2, 9)])
def test_packed_products(
    bits: int, simd: int, shift: int, samples: int, pe: int, signs: tuple[int, int], tmp_path: Path
) -> None:
    """Two outputs or two samples share an operand; an output without a partner; a chain of two."""
    sizes = {"SAMPLES": samples, "PE": pe, "SIMD": simd, "IN_T": bits, "WEIGHT_T": bits, "SUM": 2 * bits + 2 + simd - 1}
    parameters = sizes | {"IN_SIGNED": signs[0], "WEIGHT_SIGNED": signs[1]}
    assert answers(tmp_path, PACKED.format(shift=shift), parameters) == PROVEN


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("signed", [0, 1])
def test_packed_products_of_eight_bits(signed: int, tmp_path: Path) -> None:
    """All 2^24 operands, one after the other; the sums of an operand stand at the output two clocks later."""
    texts = module_texts({"packed", "sums"}) | {"exhaustive.sv": EXHAUSTIVE, "exhaustive.cpp": DRIVER}
    for name, content in texts.items():
        (tmp_path / name).write_text(content.replace("SIGNED_INPUTS", str(signed)))
    sources = sorted(name for name in texts if name.endswith(".sv"))
    program = verilated(tmp_path, sources, 1 << 24, None, top="isobit_exhaustive", warnings=FOREIGN)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(1 << 24), "0"]


@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize(("bits", "simd", "signed"), [(1, 9, 0), (2, 6, 0), (2, 6, 1), (1, 1, 0)])
def test_sums_of_selected_inputs(bits: int, simd: int, signed: int, tmp_path: Path) -> None:
    """Weights of -1 and 1 as bits: counted where inputs are bits too."""
    parameters = {"SIMD": simd, "IN_T": bits, "IN_SIGNED": signed, "BITS": 1, "SUM": bits + (simd - 1).bit_length() + 3}
    assert answers(tmp_path, BIPOLAR, parameters) == PROVEN


@needs_yosys
@pytest.mark.slow
def test_a_fault_is_no_proof(tmp_path: Path) -> None:
    """The chain begins without half of 2^PACKED; a count drops a carry."""
    small = {"PE": 2, "IN_T": 3, "WEIGHT_T": 3, "SUM": 8}
    wrong = answers(tmp_path, PACKED.format(shift=8), small, packed="assign so_far = HALF; -> assign so_far = '0;")
    assert wrong == WRONG
    counted = {"SIMD": 9, "BITS": 1, "SUM": 8}
    assert answers(tmp_path, BIPOLAR, counted, counts="twos[1] ^ carry -> twos[1]") == WRONG
