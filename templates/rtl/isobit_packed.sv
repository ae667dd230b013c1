// SAMPLES * PE sums of SIMD products, totals[p * PE + pe] = sum over s of x[p * SIMD + s] * weights[pe * SIMD + s], with one
// multiplier for every two products that share an operand: (high * 2^PACKED + low) * shared.
//
// Two samples that meet in a weight share one where that leaves fewer without a partner, else two outputs that meet in an
// input; what has no partner is multiplied by itself. Up to CHAIN products are added before they come apart, each in the
// DSP48 of its multiplier: a chain of its post-adders, a clock apart, whose operands wait for their turn. The lower sum fits
// PACKED signed bits; a chain begins with half of 2^PACKED, so that what lies above them is the upper sum, whatever the
// lower one borrows.
// CHAIN + 1 clocks for the chains, and the levels of the tree over them; the operands' delay is in it.
module isobit_packed #(
    parameter  int SAMPLES = 1,
    parameter  int PE = 8,
    parameter  int SIMD = 4,
    parameter  int IN_T = 8,
    parameter  bit IN_T_SIGNED = 1,
    parameter  int WEIGHT_T = 8,
    parameter  bit WEIGHT_T_SIGNED = 1,
    parameter  int PACKED = 18,
    parameter  int CHAIN = 4,
    localparam int TOTAL = IN_T + WEIGHT_T + 2 + $clog2(SIMD)
) (
    input  logic                         clk,
    input  logic                         enable,
    input  logic [SAMPLES*SIMD*IN_T-1:0] x,
    input  logic [ PE*SIMD*WEIGHT_T-1:0] weights,
    output logic signed [TOTAL-1:0]      totals [SAMPLES*PE]
);
  localparam int CHAINS = (SIMD + CHAIN - 1) / CHAIN;
  localparam bit BY_WEIGHT = PE * ((SAMPLES + 1) / 2) < SAMPLES * ((PE + 1) / 2);
  localparam int PAIRS = BY_WEIGHT ? PE * ((SAMPLES + 1) / 2) : SAMPLES * ((PE + 1) / 2);
  localparam int OWN = 1 + (BY_WEIGHT ? IN_T : WEIGHT_T);
  localparam int SHARED = 1 + (BY_WEIGHT ? WEIGHT_T : IN_T);
  localparam int PART = IN_T + WEIGHT_T + 2 + $clog2(CHAIN);  // a chain's sum
  localparam int SUM = PACKED + PART;
  localparam logic signed [SUM-1:0] HALF = SUM'(1) <<< (PACKED - 1);

  // late[k]: the operands k clocks ago. A short last chain begins later, so that all end together.
  logic [CHAIN-1:0][SAMPLES*SIMD*IN_T-1:0] late_x;
  logic [CHAIN-1:0][PE*SIMD*WEIGHT_T-1:0] late_weights;
  if (CHAIN == 1) begin : g_now
    assign late_x = x;
    assign late_weights = weights;
  end else begin : g_late
    logic [CHAIN-1:1][SAMPLES*SIMD*IN_T-1:0] x_before;
    logic [CHAIN-1:1][PE*SIMD*WEIGHT_T-1:0] weights_before;
    always_ff @(posedge clk) begin
      if (enable) begin
        x_before <= late_x[CHAIN-2:0];
        weights_before <= late_weights[CHAIN-2:0];
      end
    end
    assign late_x = {x_before, x};
    assign late_weights = {weights_before, weights};
  end
  function automatic int turn(input int s);
    return s % CHAIN + (s / CHAIN == CHAINS - 1 ? CHAINS * CHAIN - SIMD : 0);
  endfunction

  logic signed [PART-1:0] terms[SAMPLES*PE][CHAINS];
  logic signed [PART+$clog2(CHAINS)-1:0] sums[SAMPLES*PE];
  for (genvar c = 0; c < PAIRS; c++) begin : g_pair
    localparam int P = BY_WEIGHT ? c % ((SAMPLES + 1) / 2) * 2 : c / ((PE + 1) / 2);
    localparam int O = BY_WEIGHT ? c / ((SAMPLES + 1) / 2) : c % ((PE + 1) / 2) * 2;
    localparam bit BOTH = BY_WEIGHT ? P + 1 < SAMPLES : O + 1 < PE;
    localparam int P1 = BOTH && BY_WEIGHT ? P + 1 : P;
    localparam int O1 = BOTH && !BY_WEIGHT ? O + 1 : O;
    for (genvar s = 0; s < SIMD; s++) begin : g_product
      wire [IN_T-1:0] x0 = late_x[turn(s)][(P*SIMD+s)*IN_T+:IN_T], x1 = late_x[turn(s)][(P1*SIMD+s)*IN_T+:IN_T];
      wire [WEIGHT_T-1:0] w0 = late_weights[turn(s)][(O*SIMD+s)*WEIGHT_T+:WEIGHT_T];
      wire [WEIGHT_T-1:0] w1 = late_weights[turn(s)][(O1*SIMD+s)*WEIGHT_T+:WEIGHT_T];
      wire signed [IN_T:0] a0 = {IN_T_SIGNED & x0[IN_T-1], x0}, a1 = {IN_T_SIGNED & x1[IN_T-1], x1};
      wire signed [WEIGHT_T:0] b0 = {WEIGHT_T_SIGNED & w0[WEIGHT_T-1], w0};
      wire signed [WEIGHT_T:0] b1 = {WEIGHT_T_SIGNED & w1[WEIGHT_T-1], w1};
      logic signed [OWN-1:0] low, high;
      logic signed [SHARED-1:0] shared;
      if (BY_WEIGHT) begin : g_samples
        assign {low, high, shared} = {a0, a1, b0};
        wire unused = &{1'b0, b1};
      end else begin : g_outputs
        assign {low, high, shared} = {b0, b1, a0};
        wire unused = &{1'b0, a1};
      end
      wire signed [PACKED+OWN-1:0] pair = (PACKED + OWN)'(low) + (BOTH ? {high, PACKED'(0)} : '0);
      (* use_dsp = "yes" *)logic signed [PACKED+OWN+SHARED-1:0] product;
      logic signed [SUM-1:0] sum, so_far;
      if (s % CHAIN == 0) begin : g_first
        assign so_far = HALF;
      end else begin : g_further
        assign so_far = g_product[s-1].sum;
      end
      always_ff @(posedge clk) begin
        if (enable) begin
          product <= pair * shared;
          sum <= so_far + SUM'(product);
        end
      end
      if (s % CHAIN == CHAIN - 1 || s == SIMD - 1) begin : g_apart
        wire signed [PACKED-1:0] lower = {~sum[PACKED-1], sum[PACKED-2:0]};
        assign terms[P*PE+O][s/CHAIN] = PART'(lower);
        if (BOTH) begin : g_both
          assign terms[P1*PE+O1][s/CHAIN] = sum[SUM-1:PACKED];
        end
      end
    end
  end
  isobit_sums #(.COUNT(SAMPLES * PE), .N(CHAINS), .WIDTH(PART)) tree (.clk, .enable, .terms, .totals(sums));
  always_comb for (int i = 0; i < SAMPLES * PE; i++) totals[i] = TOTAL'(sums[i]);
endmodule
