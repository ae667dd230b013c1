// Step by one multiplication: y = clamp((m[c] * acc + offset[c]) >> K, LO, HI), the shift rounding down.
//
// SUM_T comes from the intervals of m * acc and m * acc + offset, so nothing overflows; without CLAMP the shifted sum
// itself fits OUT_T. Element pe of word i is of channel (i * PE + pe) mod CHANNELS; constants lie row by row, LANES =
// min(PE, CHANNELS) a row. With SHIFT_T > 0 each channel is shifted by a number of bits of its own.
// Schedule: FOLDS iterations a frame, a word in and out in each. Pipeline: fetch, multiply, add, shift and clamp: the
// input, product and sum registers of one DSP block.
module isobit_multiply_shift #(
    parameter int CHANNELS = 64,
    parameter int PE = 8,
    parameter int FOLDS = 8,
    parameter int K = 0,
    parameter logic signed [63:0] LO = 64'sd0,
    parameter logic signed [63:0] HI = 64'sd255,
    parameter bit CLAMP = 1,
    parameter int IN_T = 16,
    parameter bit IN_T_SIGNED = 1,
    parameter int MULTIPLIER_T = 9,
    parameter bit MULTIPLIER_T_SIGNED = 0,
    parameter int OFFSET_T = 20,
    parameter bit OFFSET_T_SIGNED = 1,
    parameter int PRODUCT_T = 25,
    parameter bit PRODUCT_T_SIGNED = 1,
    parameter int SUM_T = 26,
    parameter bit SUM_T_SIGNED = 1,
    parameter int OUT_T = 8,
    parameter bit OUT_T_SIGNED = 0,
    parameter int SHIFT_T = 0,
    parameter bit SHIFT_T_SIGNED = 0,
    localparam int LANES = PE < CHANNELS ? PE : CHANNELS,
    localparam int ROWS = CHANNELS / LANES,
    localparam int SHIFT_BITS = SHIFT_T > 0 ? SHIFT_T : 1,
    parameter USE_DSP = "auto",
    parameter MULTIPLIERS_STYLE = "auto",
    parameter OFFSETS_STYLE = "auto",
    parameter SHIFTS_STYLE = "auto",
    parameter logic [CHANNELS*MULTIPLIER_T-1:0] MULTIPLIERS = '0,
    parameter logic [CHANNELS*OFFSET_T-1:0] OFFSETS = '0,
    parameter logic [CHANNELS*SHIFT_BITS-1:0] SHIFTS = '0
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
  isobit_pipeline #(.LATENCY(4)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  isobit_multiply_add #(
      .CHANNELS(CHANNELS), .PE(PE), .IN_T(IN_T), .IN_T_SIGNED(IN_T_SIGNED), .MULTIPLIER_T(MULTIPLIER_T),
      .MULTIPLIER_T_SIGNED(MULTIPLIER_T_SIGNED), .OFFSET_T(OFFSET_T), .OFFSET_T_SIGNED(OFFSET_T_SIGNED), .PRODUCT(PRODUCT),
      .SUM(SUM),
      .USE_DSP(USE_DSP), .MULTIPLIERS_STYLE(MULTIPLIERS_STYLE), .OFFSETS_STYLE(OFFSETS_STYLE),
      .MULTIPLIERS(MULTIPLIERS), .OFFSETS(OFFSETS)
  ) multiply_add (.clk, .rst, .issue, .enable(advance), .in_data, .row, .sum);

  logic signed [SUM-1:0] shifted[PE];
  if (SHIFT_T > 0) begin : g_own_shift
    // A channel's own shift goes beside its product and its sum.
    logic [LANES*SHIFT_BITS-1:0] shifts, of_product, of_sum;
    isobit_rom #(.WIDTH(LANES * SHIFT_BITS), .DEPTH(ROWS), .STYLE(SHIFTS_STYLE), .VALUES(SHIFTS)) shift_rom (
        .clk, .enable(advance), .address(row), .word(shifts));
    always_ff @(posedge clk) begin
      if (advance) begin
        of_product <= shifts;
        of_sum <= of_product;
      end
    end
    always_comb for (int pe = 0; pe < PE; pe++) shifted[pe] = sum[pe] >>> of_sum[pe%LANES*SHIFT_BITS+:SHIFT_BITS];
  end else begin : g_one_shift
    always_comb for (int pe = 0; pe < PE; pe++) shifted[pe] = sum[pe] >>> K;
    wire unused = &{1'b0, row, SHIFTS};
  end
  isobit_clamp #(.PE(PE), .WIDTH(SUM), .OUT_T(OUT_T), .LO(LO), .HI(HI), .CLAMP(CLAMP)) clamp (
      .clk, .enable(advance), .value(shifted), .out_data);
  wire unused = &{1'b0, FOLDS[0], OUT_T_SIGNED, SHIFT_T_SIGNED};
endmodule
