// Step by a shift that rounds: y = clamp(round((m[c] * acc + offset[c]) / 2^K), LO, HI).
//
// ROUNDING: 0 to nearest with ties to even, 1 ties away from zero, 2 ties towards zero, 3 up, 4 down, 5 away from zero,
// 6 towards zero. SUM_T comes from the intervals of m * acc and m * acc + offset and has at least K + 2 bits. Constants
// lie as in isobit_multiply_shift.
// Schedule: FOLDS iterations a frame, a word in and out in each. Pipeline: fetch, multiply, add, round, clamp.
module isobit_round_shift #(
    parameter int CHANNELS = 64,
    parameter int PE = 8,
    parameter int FOLDS = 8,
    parameter int K = 7,
    parameter logic signed [63:0] LO = 64'sd0,
    parameter logic signed [63:0] HI = 64'sd255,
    parameter int ROUNDING = 0,
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
    localparam int LANES = PE < CHANNELS ? PE : CHANNELS,
    localparam int ROWS = CHANNELS / LANES,
    parameter USE_DSP = "auto",
    parameter MULTIPLIERS_STYLE = "auto",
    parameter OFFSETS_STYLE = "auto",
    parameter logic [CHANNELS*MULTIPLIER_T-1:0] MULTIPLIERS = '0,
    parameter logic [CHANNELS*OFFSET_T-1:0] OFFSETS = '0
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

  // Whether floor(sum / 2^K) becomes the next integer.
  function automatic logic up(input logic signed [SUM-1:0] value);
    logic negative = value[SUM-1], odd = value[K];
    logic half = value[K-1];  // at least half a step above the floor
    logic exact = value[K-1:0] == '0, tie = value[K-1:0] == K'(1) << (K - 1);
    case (ROUNDING)
      0: return half && (!tie || odd);
      1: return half && (!tie || !negative);
      2: return half && (!tie || negative);
      3: return !exact;
      5: return !exact && !negative;
      6: return !exact && negative;
      default: return 1'b0;
    endcase
  endfunction
  logic signed [SUM-1:0] rounded[PE];
  always_ff @(posedge clk) begin
    if (advance) begin
      for (int pe = 0; pe < PE; pe++) rounded[pe] <= (sum[pe] >>> K) + SUM'($signed({1'b0, up(sum[pe])}));
    end
  end
  isobit_clamp #(.PE(PE), .WIDTH(SUM), .OUT_T(OUT_T), .LO(LO), .HI(HI), .CLAMP(CLAMP)) clamp (
      .clk, .enable(advance), .value(rounded), .out_data);
  wire unused = &{1'b0, FOLDS[0], OUT_T_SIGNED, row};
endmodule
