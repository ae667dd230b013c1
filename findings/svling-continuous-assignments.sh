#!/bin/sh
# svling 0.13.0 (pyslang-dev 10.0.0.dev20260218): expressions of SystemVerilog in a continuous assignment, beside the same ones
# in a procedure.
# One would expect one value for both, or an error: its parser is slang, and "full IEEE 1800-2023 LRM coverage" is promised.
# Seen: an assignment whose right side holds inside or a streaming operator is left out and its wire is z; $countones is 0; the product
# of two elements of an unpacked array is 1, whatever they are, and their sum and difference keep the lowest bit. The procedure's values
# are right (of the streaming operator there are none). Nothing is said.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in pyslang-dev==10.0.0.dev20260218 svling==0.13.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
cat >top.sv <<'SV'
module top;
  logic signed [7:0] a, b;
  logic signed [7:0] d [2];
  wire [15:0] counted = $countones(a);
  wire found = a inside {[0:5], 7};
  wire [7:0] turned = {<<{a}};
  assign d[0] = a;
  assign d[1] = b;
  wire signed [15:0] product = d[0] * d[1], element = d[0], plain = a * b;
  logic [15:0] counted_; logic found_; logic signed [15:0] product_;
  always_comb begin counted_ = $countones(a); found_ = a inside {[0:5], 7}; product_ = d[0] * d[1]; end
  initial begin
    a = 7; b = -5; #1;
    $display("assigned %0d %b %b %0d element %0d plain %0d", counted, found, turned, product, element, plain);
    $display("procedure %0d %b %0d", counted_, found_, product_);
    a = -100; b = 100; #1;
    $display("assigned %0d %b %b %0d element %0d plain %0d", counted, found, turned, product, element, plain);
    $display("procedure %0d %b %0d", counted_, found_, product_);
    $finish;
  end
endmodule
SV
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/svling" top.sv 2>/dev/null | tee seen
