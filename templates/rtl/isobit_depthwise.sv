// Depthwise matrix-vector unit: acc[c] = sum over taps t of weight[t][c] * x[t][c], for every window.
//
// The input is a stream of windows: VECTORS times TAPS pixels of CF = CHANNELS / PE words, or of PIXELS = PE / CHANNELS
// whole pixels a word, which divide TAPS: then CF = 1, and they are summed at once.
// Weights: row t * CF + cf holds tap t of channels cf * PE .. cf * PE + PE - 1, or row r the taps of word r.
// Schedule: VECTORS * TAPS * CHANNELS / PE iterations a frame, a word in in each; of every vector's the last CF write a
// word each. Pipeline: fetch, multiply, the levels of the sum over PIXELS, accumulate.
module isobit_depthwise #(
    parameter int CHANNELS = 64,
    parameter int PE = 8,
    parameter int TAPS = 9,
    parameter int VECTORS = 256,
    parameter int IN_T = 8,
    parameter bit IN_T_SIGNED = 0,
    parameter int WEIGHT_T = 4,
    parameter bit WEIGHT_T_SIGNED = 1,
    parameter int ACC_T = 16,
    parameter bit ACC_T_SIGNED = 1,
    localparam int CF = CHANNELS > PE ? CHANNELS / PE : 1,
    localparam int PIXELS = PE > CHANNELS ? PE / CHANNELS : 1,
    localparam int WIDTH = PE < CHANNELS ? PE : CHANNELS,
    localparam int ROWS = TAPS * CHANNELS / PE,
    parameter USE_DSP = "auto",
    parameter WEIGHTS_FILE = "",
    parameter WEIGHTS_STYLE = "auto",
    parameter logic [ROWS*PE*WEIGHT_T-1:0] WEIGHTS = '0
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic [    PE*IN_T-1:0] in_data,
    input  logic                   in_valid,
    output logic                   in_ready,
    output logic [WIDTH*ACC_T-1:0] out_data,
    output logic                   out_valid,
    input  logic                   out_ready
);
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int CF_BITS = CF > 1 ? $clog2(CF) : 1;
  localparam int PRODUCT = IN_T + WEIGHT_T + 2;
  localparam int LEVELS = $clog2(PIXELS);
  localparam int LATENCY = 3 + LEVELS;

  logic [ROW_BITS-1:0] row;
  logic advance;
  wire issue = advance && in_valid;
  wire starts = int'(row) < CF;
  wire ends = int'(row) >= ROWS - CF;
  assign in_ready = advance;
  isobit_pipeline #(.LATENCY(LATENCY)) pipeline (
      .clk, .rst, .writes(issue && ends), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) row <= '0;
    else if (issue) row <= row == ROW_BITS'(ROWS - 1) ? '0 : row + 1'b1;
  end

  logic [PE*IN_T-1:0] x;
  logic [PE*WEIGHT_T-1:0] weights;
  isobit_rom #(.WIDTH(PE * WEIGHT_T), .DEPTH(ROWS), .FILE(WEIGHTS_FILE), .STYLE(WEIGHTS_STYLE), .VALUES(WEIGHTS)) rom (
      .clk, .enable(advance), .address(row), .word(weights));
  always_ff @(posedge clk) if (advance) x <= in_data;

  logic [LATENCY-1:1] live, first;
  always_ff @(posedge clk) begin
    if (rst) live <= '0;
    else if (advance) live <= (LATENCY - 1)'({live, issue});
    if (advance) first <= (LATENCY - 1)'({first, starts});
  end

  // The running sums of the CF folds, in turn.
  logic [CF_BITS-1:0] fold;
  wire accumulates = advance && live[LATENCY-1];
  always_ff @(posedge clk) begin
    if (rst) fold <= '0;
    else if (accumulates) fold <= fold == CF_BITS'(CF - 1) ? '0 : fold + 1'b1;
  end
  (* use_dsp = USE_DSP *)logic signed [PRODUCT-1:0] products[WIDTH][PIXELS];
  logic signed [PRODUCT+LEVELS-1:0] terms[WIDTH];
  logic signed [ACC_T:0] sum[WIDTH], result[WIDTH];
  (* ram_style = "auto" *)logic [WIDTH-1:0][ACC_T:0] sums[CF];
  function automatic logic signed [IN_T:0] element(input int l);
    return {IN_T_SIGNED & x[l*IN_T+IN_T-1], x[l*IN_T+:IN_T]};
  endfunction
  function automatic logic signed [WEIGHT_T:0] weight(input int l);
    return {WEIGHT_T_SIGNED & weights[l*WEIGHT_T+WEIGHT_T-1], weights[l*WEIGHT_T+:WEIGHT_T]};
  endfunction
  isobit_sums #(.COUNT(WIDTH), .N(PIXELS), .WIDTH(PRODUCT)) tree (
      .clk, .enable(advance), .terms(products), .totals(terms));
  wire [WIDTH-1:0][ACC_T:0] so_far = sums[fold];
  always_comb begin
    for (int c = 0; c < WIDTH; c++) begin
      sum[c] = (first[LATENCY-1] ? '0 : $signed(so_far[c])) + (ACC_T + 1)'(terms[c]);
      out_data[c*ACC_T+:ACC_T] = result[c][ACC_T-1:0];
    end
  end
  always_ff @(posedge clk) begin
    if (advance) begin
      for (int c = 0; c < WIDTH; c++) begin
        for (int p = 0; p < PIXELS; p++) products[c][p] <= element(p * WIDTH + c) * weight(p * WIDTH + c);
      end
    end
    if (accumulates) begin
      for (int c = 0; c < WIDTH; c++) begin
        sums[fold][c] <= sum[c];
        result[c] <= sum[c];
      end
    end
  end
  wire unused = &{1'b0, ACC_T_SIGNED, VECTORS[0]};
endmodule
