// Depthwise matrix-vector unit for SAMPLES whole windows at once: acc[p][c] = sum over taps t of weight[t][c] * x[p][t][c].
//
// A word in is a block (isobit_parallel_window), a word out SAMPLES * CHANNELS sums. Weights: tap t of channel c is element
// t * CHANNELS + c.
// Schedule: WORDS iterations a frame, a word in and out in each. Pipeline: fetch, multiply, the levels of the adder tree.
module isobit_parallel_depthwise #(
    parameter int SAMPLES = 4,
    parameter int CHANNELS = 8,
    parameter int KH = 3,
    parameter int KW = 3,
    parameter int SW = 1,
    parameter int DW = 1,
    parameter int WORDS = 64,
    parameter int IN_T = 8,
    parameter bit IN_T_SIGNED = 0,
    parameter int WEIGHT_T = 4,
    parameter bit WEIGHT_T_SIGNED = 1,
    parameter int ACC_T = 16,
    parameter bit ACC_T_SIGNED = 1,
    localparam int COLUMNS = (SAMPLES - 1) * SW + (KW - 1) * DW + 1,
    localparam int TAPS = KH * KW,
    parameter USE_DSP = "auto",
    parameter logic [TAPS*CHANNELS*WEIGHT_T-1:0] WEIGHTS = '0
) (
    input  logic                                clk,
    input  logic                                rst,
    input  logic [KH*COLUMNS*CHANNELS*IN_T-1:0] in_data,
    input  logic                                in_valid,
    output logic                                in_ready,
    output logic [  SAMPLES*CHANNELS*ACC_T-1:0] out_data,
    output logic                                out_valid,
    input  logic                                out_ready
);
  localparam int PRODUCT = IN_T + WEIGHT_T + 2;
  localparam int LEVELS = $clog2(TAPS);
  logic advance;
  wire issue = advance && in_valid;
  assign in_ready = advance;
  isobit_pipeline #(.LATENCY(2 + LEVELS)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  logic [KH*COLUMNS*CHANNELS*IN_T-1:0] block;
  always_ff @(posedge clk) if (advance) block <= in_data;
  (* use_dsp = USE_DSP *)logic signed [PRODUCT-1:0] products[SAMPLES*CHANNELS][TAPS];
  logic signed [PRODUCT+LEVELS-1:0] sums[SAMPLES*CHANNELS];
  function automatic logic signed [IN_T:0] element(input int p, input int tap, input int c);
    int from = ((tap / KW * COLUMNS + p * SW + tap % KW * DW) * CHANNELS + c) * IN_T;
    return {IN_T_SIGNED & block[from+IN_T-1], block[from+:IN_T]};
  endfunction
  function automatic logic signed [WEIGHT_T:0] weight(input int i);
    return {WEIGHT_T_SIGNED & WEIGHTS[i*WEIGHT_T+WEIGHT_T-1], WEIGHTS[i*WEIGHT_T+:WEIGHT_T]};
  endfunction
  isobit_sums #(.COUNT(SAMPLES * CHANNELS), .N(TAPS), .WIDTH(PRODUCT)) tree (
      .clk, .enable(advance), .terms(products), .totals(sums));
  always_ff @(posedge clk) begin
    if (advance) begin
      for (int i = 0; i < SAMPLES * CHANNELS; i++) begin
        for (int tap = 0; tap < TAPS; tap++) begin
          products[i][tap] <= element(i / CHANNELS, tap, i % CHANNELS) * weight(tap * CHANNELS + i % CHANNELS);
        end
      end
    end
  end
  always_comb for (int i = 0; i < SAMPLES * CHANNELS; i++) out_data[i*ACC_T+:ACC_T] = ACC_T'(sums[i]);
  wire unused = &{1'b0, rst, ACC_T_SIGNED, WORDS[0], block};
endmodule
