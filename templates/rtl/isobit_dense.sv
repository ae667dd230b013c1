// Matrix-vector unit: acc[o] = sum over i of weight[o][i] * x[i], folded over PE outputs and SIMD inputs, for each of
// VECTORS inputs: one of a plain dense layer, the windows of a convolution, the pixels of a pointwise one.
//
// Weights: row nf * SF + sf holds, for each of the PE outputs nf * PE + pe, the weights of inputs sf * SIMD ..
// sf * SIMD + SIMD - 1 (SF = IN / SIMD, NF = OUT / PE); input 0 of output 0 in the lowest bits.
// ACC_T bits hold the running sum after every SIMD inputs, not only the last one.
// Schedule: VECTORS * SF * NF iterations a frame; of every SF * NF the first SF read a word each; one word out every SF.
// Pipeline: fetch, multiply, a level of the adder tree a stage, accumulate. With PACKED two outputs share a multiplier;
// with BIPOLAR weights are bits that stand for -1 and 1.
module isobit_dense #(
    parameter int IN = 16,
    parameter int OUT = 64,
    parameter int SIMD = 4,
    parameter int PE = 8,
    parameter int VECTORS = 1,
    parameter int IN_T = 8,
    parameter bit IN_T_SIGNED = 1,
    parameter int WEIGHT_T = 4,
    parameter bit WEIGHT_T_SIGNED = 1,
    parameter int ACC_T = 16,
    parameter bit ACC_T_SIGNED = 1,
    parameter int CODE_T = 0,
    parameter bit CODE_T_SIGNED = 1,
    parameter int RUN = 1,
    parameter int BIPOLAR = 0,
    parameter int PACKED = 0,
    parameter int CHAIN = 1,
    parameter USE_DSP = "auto",
    localparam int ROWS = OUT / PE * (IN / SIMD),
    localparam int ROW = PE * SIMD * (CODE_T > 0 ? CODE_T : WEIGHT_T),
    parameter WEIGHTS_FILE = "",
    parameter WEIGHTS_STYLE = "auto",
    parameter VECTOR_MEMORY = "auto",
    parameter logic [ROWS*ROW-1:0] WEIGHTS = '0
) (
    input  logic                 clk,
    input  logic                 rst,
    input  logic [SIMD*IN_T-1:0] in_data,
    input  logic                 in_valid,
    output logic                 in_ready,
    output logic [ PE*ACC_T-1:0] out_data,
    output logic                 out_valid,
    input  logic                 out_ready
);
  localparam int SF = IN / SIMD;
  localparam int NF = OUT / PE;
  localparam int SF_BITS = SF > 1 ? $clog2(SF) : 1;
  localparam int NF_BITS = NF > 1 ? $clog2(NF) : 1;
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int LATENCY = 3 + isobit_clocks::to_sum(SIMD, BIPOLAR, PACKED, CHAIN);

  // ---------------------------------------------------------------- the loop
  logic [SF_BITS-1:0] sf;
  logic [NF_BITS-1:0] nf;
  logic [ROW_BITS-1:0] row;
  logic advance;
  wire reads = nf == '0;
  wire vector_ends = SF == 1 || sf == SF_BITS'(SF - 1);  // a counter of one is a constant
  wire issue = advance && (!reads || in_valid);
  assign in_ready = advance && reads;
  isobit_pipeline #(.LATENCY(LATENCY)) pipeline (
      .clk, .rst, .writes(issue && vector_ends), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) begin
      sf  <= '0;
      nf  <= '0;
      row <= '0;
    end else if (issue) begin
      sf  <= vector_ends ? '0 : sf + 1'b1;
      row <= ROWS == 1 || row == ROW_BITS'(ROWS - 1) ? '0 : row + 1'b1;
      if (vector_ends) nf <= NF == 1 || nf == NF_BITS'(NF - 1) ? '0 : nf + 1'b1;
    end
  end

  // ---------------------------------------------------------------- fetch: the word and its row of weights
  logic [SIMD*IN_T-1:0] x;
  logic [ROW-1:0] stored;
  logic [PE*SIMD*WEIGHT_T-1:0] weights;
  isobit_rom #(.WIDTH(ROW), .DEPTH(ROWS), .FILE(WEIGHTS_FILE), .STYLE(WEIGHTS_STYLE), .VALUES(WEIGHTS)) rom (
      .clk, .enable(advance), .address(row), .word(stored));
  isobit_weights #(.COUNT(PE * SIMD), .WEIGHT(WEIGHT_T), .CODE(CODE_T), .RUN(RUN)) decoded (.stored, .weights);
  isobit_kept #(.WIDTH(SIMD * IN_T), .DEPTH(SF), .AGAIN(NF > 1), .MEMORY(VECTOR_MEMORY)) vector (
      .clk, .enable(advance), .take(issue && reads), .address(sf), .word_in(in_data), .word(x));

  // ---------------------------------------------------------------- multiply, add, accumulate
  isobit_dots #(
      .PE(PE), .SIMD(SIMD), .IN_T(IN_T), .IN_T_SIGNED(IN_T_SIGNED), .WEIGHT_T(WEIGHT_T), .WEIGHT_T_SIGNED(WEIGHT_T_SIGNED),
      .ACC_T(ACC_T), .BIPOLAR(BIPOLAR), .PACKED(PACKED), .CHAIN(CHAIN), .USE_DSP(USE_DSP)
  ) dots (.clk, .rst, .enable(advance), .issue, .first(sf == '0), .x, .weights, .acc(out_data));
  wire unused = &{1'b0, ACC_T_SIGNED, VECTORS[0], CODE_T_SIGNED};
endmodule
