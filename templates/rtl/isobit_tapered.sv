// The integer of a tapered code TFX(N, RUN), in units of its finest step 2^-(N-2): a sign, a run of at most RUN bits
// that differ from it, one bit like it that ends a shorter run, and the fraction.
//
// Combinational. Codes of negative numbers are decoded upside down: inverted before and after.
module isobit_tapered #(
    parameter  int N = 4,
    parameter  int RUN = 3,
    localparam int OUT = N - 1 + $clog2(RUN + 1)
) (
    input  logic [  N-1:0] code,
    output logic [OUT-1:0] number
);
  wire sign = code[N-1];
  wire [N-2:0] bits = code[N-2:0] ^ {(N - 1) {sign}};

  // The magnitude when the run has this length: the length, then the fraction, then bits like the sign.
  function automatic logic [OUT-2:0] ended(input int run, input logic [N-2:0] from, input logic below);
    int low;
    low = run < RUN ? run : RUN - 1;
    for (int i = 0; i < OUT - 1; i++) ended[i] = i >= N - 2 ? run[i-(N-2)] : i >= low ? from[i-low] : below;
  endfunction

  logic [OUT-2:0] magnitude;
  always_comb begin
    magnitude = ended(RUN, bits, sign);
    for (int run = RUN - 1; run >= 0; run--) if (!bits[N-2-run]) magnitude = ended(run, bits, sign);
  end
  assign number = {sign, magnitude ^ {(OUT - 1) {sign}}};
endmodule
