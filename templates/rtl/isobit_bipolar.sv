// SAMPLES * PE sums of SIMD products with weights of -1 and 1, of which a bit says which: w = 2 v - 1, so that a sum of
// w * x is twice the sum of the x that v selects, less the sum of all x, which all outputs share. No multiplier.
//
// Inputs of one bit are counted: v & x is the XNOR of a network of -1 and 1 whose constant has moved into the thresholds.
// A clock for every level of the sums of three (isobit_counts), and one for the difference.
module isobit_bipolar #(
    parameter  int SAMPLES = 1,
    parameter  int PE = 8,
    parameter  int SIMD = 4,
    parameter  int IN_T = 1,
    parameter  bit IN_T_SIGNED = 0,
    localparam int HALF = IN_T + $clog2(SIMD) + 2,
    localparam int TOTAL = HALF + 1
) (
    input  logic                         clk,
    input  logic                         enable,
    input  logic [SAMPLES*SIMD*IN_T-1:0] x,
    input  logic [          PE*SIMD-1:0] weights,
    output logic signed [TOTAL-1:0]      totals [SAMPLES*PE]
);
  localparam int ROW = SIMD * IN_T;
  logic [SAMPLES*(PE+1)*ROW-1:0] terms;  // of every sample what the outputs select, and all of it
  logic [SAMPLES*(PE+1)*HALF-1:0] halves;
  always_comb begin
    for (int p = 0; p < SAMPLES; p++) begin
      for (int pe = 0; pe < PE; pe++) begin
        for (int s = 0; s < SIMD; s++) begin
          terms[(p*(PE+1)+pe)*ROW+s*IN_T+:IN_T] = x[(p*SIMD+s)*IN_T+:IN_T] & {IN_T{weights[pe*SIMD+s]}};
        end
      end
      terms[(p*(PE+1)+PE)*ROW+:ROW] = x[p*ROW+:ROW];
    end
  end
  isobit_counts #(
      .COUNT(SAMPLES * (PE + 1)), .N(SIMD), .WIDTH(IN_T), .SIGNED(IN_T_SIGNED), .TOTAL(HALF)
  ) counts (.clk, .enable, .terms, .totals(halves));
  always_ff @(posedge clk) begin
    if (enable) begin
      for (int p = 0; p < SAMPLES; p++) begin
        for (int pe = 0; pe < PE; pe++) begin
          totals[p*PE+pe] <= TOTAL'($signed({halves[(p*(PE+1)+pe)*HALF+:HALF], 1'b0})) -
              TOTAL'($signed(halves[(p*(PE+1)+PE)*HALF+:HALF]));
        end
      end
    end
  end
endmodule
