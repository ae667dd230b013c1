// Step by one multiplication that rounds ties to even, of any scale: y = clamp(up is even ? up : down, LO, HI) with
// down = (m[c] * acc + offset[c]) >> K and up = (m[c] * acc + offset[c] + gap[c]) >> K, the shifts rounding down.
//
// No gap exceeds 2^K, so that down is up or up - 1. SUM_T comes from the intervals of m * acc and of both sums. Constants
// lie as in isobit_multiply_shift.
// Schedule: FOLDS iterations a frame, a word in and out in each. Pipeline: fetch, multiply, add, add the gap, choose and
// clamp.
module isobit_half_even #(
    parameter int CHANNELS = 64,
    parameter int PE = 8,
    parameter int FOLDS = 8,
    parameter int K = 7,
    parameter logic signed [63:0] LO = 64'sd0,
    parameter logic signed [63:0] HI = 64'sd255,
    parameter bit CLAMP = 1,
    parameter int IN_T = 16,
    parameter bit IN_T_SIGNED = 1,
    parameter int MULTIPLIER_T = 9,
    parameter bit MULTIPLIER_T_SIGNED = 0,
    parameter int OFFSET_T = 20,
    parameter bit OFFSET_T_SIGNED = 1,
    parameter int GAP_T = 7,
    parameter bit GAP_T_SIGNED = 0,
    parameter int PRODUCT_T = 25,
    parameter bit PRODUCT_T_SIGNED = 1,
    parameter int SUM_T = 26,
    parameter bit SUM_T_SIGNED = 1,
    parameter int OUT_T = 8,
    parameter bit OUT_T_SIGNED = 0,
    localparam int LANES = PE < CHANNELS ? PE : CHANNELS,
    localparam int ROWS = CHANNELS / LANES,
    parameter USE_DSP = "auto",
    parameter MULTIPLIERS_STYLE = "auto",
    parameter OFFSETS_STYLE = "auto",
    parameter GAPS_STYLE = "auto",
    parameter logic [CHANNELS*MULTIPLIER_T-1:0] MULTIPLIERS = '0,
    parameter logic [CHANNELS*OFFSET_T-1:0] OFFSETS = '0,
    parameter logic [CHANNELS*GAP_T-1:0] GAPS = '0
) (
    input  logic                clk,
    input  logic                rst,
    input  logic [ PE*IN_T-1:0] in_data,
    input  logic                in_valid,
    output logic                in_ready,
    output logic [PE*OUT_T-1:0] out_data,
    output logic                out_valid,
    input  logic                out_ready
);
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int PRODUCT = PRODUCT_T + (PRODUCT_T_SIGNED ? 0 : 1);
  localparam int SUM = SUM_T + (SUM_T_SIGNED ? 0 : 1);

  logic [ROW_BITS-1:0] row;
  logic signed [SUM-1:0] sum[PE];
  logic advance;
  wire issue = advance && in_valid;
  assign in_ready = advance;
  isobit_pipeline #(.LATENCY(5)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  isobit_multiply_add #(
      .CHANNELS(CHANNELS), .PE(PE), .IN_T(IN_T), .IN_T_SIGNED(IN_T_SIGNED), .MULTIPLIER_T(MULTIPLIER_T),
      .MULTIPLIER_T_SIGNED(MULTIPLIER_T_SIGNED), .OFFSET_T(OFFSET_T), .OFFSET_T_SIGNED(OFFSET_T_SIGNED), .PRODUCT(PRODUCT),
      .SUM(SUM),
      .USE_DSP(USE_DSP), .MULTIPLIERS_STYLE(MULTIPLIERS_STYLE), .OFFSETS_STYLE(OFFSETS_STYLE),
      .MULTIPLIERS(MULTIPLIERS), .OFFSETS(OFFSETS)
  ) multiply_add (.clk, .rst, .issue, .enable(advance), .in_data, .row, .sum);

  // A channel's gap goes beside its product and its sum.
  logic [LANES*GAP_T-1:0] gaps, of_product, of_sum;
  isobit_rom #(.WIDTH(LANES * GAP_T), .DEPTH(ROWS), .STYLE(GAPS_STYLE), .VALUES(GAPS)) gap_rom (
      .clk, .enable(advance), .address(row), .word(gaps));
  logic signed [SUM-1:0] low[PE], high[PE], chosen[PE];
  always_ff @(posedge clk) begin
    if (advance) begin
      of_product <= gaps;
      of_sum <= of_product;
      for (int pe = 0; pe < PE; pe++) begin
        low[pe] <= sum[pe];
        high[pe] <= sum[pe] + SUM'($signed({1'b0, of_sum[pe%LANES*GAP_T+:GAP_T]}));
      end
    end
  end
  always_comb for (int pe = 0; pe < PE; pe++) chosen[pe] = high[pe][K] ? low[pe] >>> K : high[pe] >>> K;
  isobit_clamp #(.PE(PE), .WIDTH(SUM), .OUT_T(OUT_T), .LO(LO), .HI(HI), .CLAMP(CLAMP)) clamp (
      .clk, .enable(advance), .value(chosen), .out_data);
  wire unused = &{1'b0, FOLDS[0], OUT_T_SIGNED, GAP_T_SIGNED};
endmodule
