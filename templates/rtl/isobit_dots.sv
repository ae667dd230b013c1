// SAMPLES * PE running sums of SIMD products: acc[p * PE + pe] += sum over s of x[p * SIMD + s] * weights[pe * SIMD + s].
//
// `issue` and `first` belong to an iteration's first clock, in which x and its weights are fetched; they are at the ports
// one clock later, and 3 + $clog2(SIMD) clocks after `issue` the iteration is in the sums. `first`: they begin anew.
//
// With PACKED two products that share an operand share a multiplier, PACKED bits apart (isobit_packed): 3 + CHAIN +
// $clog2(chains of CHAIN products) clocks. With BIPOLAR weights are bits (isobit_bipolar): 3 clocks and the levels of sums of
// three.
module isobit_dots #(
    parameter int SAMPLES = 1,
    parameter int PE = 8,
    parameter int SIMD = 4,
    parameter int IN_T = 8,
    parameter bit IN_T_SIGNED = 1,
    parameter int WEIGHT_T = 4,
    parameter bit WEIGHT_T_SIGNED = 1,
    parameter int ACC_T = 16,
    parameter int BIPOLAR = 0,
    parameter int PACKED = 0,
    parameter int CHAIN = 1,
    parameter USE_DSP = "auto"
) (
    input  logic                          clk,
    input  logic                          rst,
    input  logic                          enable,
    input  logic                          issue,
    input  logic                          first,
    input  logic [ SAMPLES*SIMD*IN_T-1:0] x,
    input  logic [  PE*SIMD*WEIGHT_T-1:0] weights,
    output logic [  SAMPLES*PE*ACC_T-1:0] acc
);
  localparam int PRODUCT = IN_T + WEIGHT_T + 2;
  localparam int LEVELS = $clog2(SIMD);
  localparam int STAGES = 2 + isobit_clocks::to_sum(SIMD, BIPOLAR, PACKED, CHAIN);

  // live[s] and begins[s]: stage s holds an iteration, and it is the first of its sums.
  logic [STAGES:1] live, begins;
  always_ff @(posedge clk) begin
    if (rst) live <= '0;
    else if (enable) live <= STAGES'({live, issue});
    if (enable) begins <= STAGES'({begins, first});
  end

  logic signed [PRODUCT+LEVELS-1:0] totals[SAMPLES*PE];
  logic signed [ACC_T:0] sums[SAMPLES*PE];
  if (BIPOLAR > 0) begin : g_bipolar
    isobit_bipolar #(.SAMPLES(SAMPLES), .PE(PE), .SIMD(SIMD), .IN_T(IN_T), .IN_T_SIGNED(IN_T_SIGNED)) bits (
        .clk, .enable, .x, .weights, .totals);
  end else if (PACKED > 0) begin : g_packed
    isobit_packed #(
        .SAMPLES(SAMPLES), .PE(PE), .SIMD(SIMD), .IN_T(IN_T), .IN_T_SIGNED(IN_T_SIGNED), .WEIGHT_T(WEIGHT_T),
        .WEIGHT_T_SIGNED(WEIGHT_T_SIGNED), .PACKED(PACKED), .CHAIN(CHAIN)
    ) pairs (.clk, .enable, .x, .weights, .totals);
  end else begin : g_single
    (* use_dsp = USE_DSP *)logic signed [PRODUCT-1:0] products[SAMPLES*PE][SIMD];
    function automatic logic signed [IN_T:0] element(input int i);
      return {IN_T_SIGNED & x[i*IN_T+IN_T-1], x[i*IN_T+:IN_T]};
    endfunction
    function automatic logic signed [WEIGHT_T:0] weight(input int i);
      return {WEIGHT_T_SIGNED & weights[i*WEIGHT_T+WEIGHT_T-1], weights[i*WEIGHT_T+:WEIGHT_T]};
    endfunction
    always_ff @(posedge clk) begin
      if (enable) begin
        for (int c = 0; c < SAMPLES * PE; c++) begin
          for (int s = 0; s < SIMD; s++) products[c][s] <= element(c / PE * SIMD + s) * weight(c % PE * SIMD + s);
        end
      end
    end
    isobit_sums #(.COUNT(SAMPLES * PE), .N(SIMD), .WIDTH(PRODUCT)) tree (.clk, .enable, .terms(products), .totals);
  end
  always_ff @(posedge clk) begin
    if (enable) begin
      for (int c = 0; c < SAMPLES * PE; c++) begin
        if (live[STAGES]) sums[c] <= (begins[STAGES] ? '0 : sums[c]) + (ACC_T + 1)'(totals[c]);
      end
    end
  end
  always_comb for (int c = 0; c < SAMPLES * PE; c++) acc[c*ACC_T+:ACC_T] = sums[c][ACC_T-1:0];
endmodule
