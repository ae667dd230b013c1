// Matrix-vector unit whose weights come on a stream, a matrix for every frame: acc[o] = sum over i of weight[o][i] * x[i],
// for each of VECTORS inputs, which share the matrix.
//
// The weights come output by output, PE * SIMD a word, in the order in which the loop takes them: PE is 1, or SIMD is IN.
// Where there are several vectors the matrix is kept for the frame, ROWS = (OUT / PE) * (IN / SIMD) words.
// ACC_T bits hold the running sum after every SIMD inputs, not only the last one.
// Schedule: VECTORS * ROWS iterations a frame; of every ROWS the first IN / SIMD read a word of x each; the first ROWS read
// a word of weights each; one word out every IN / SIMD.
// Pipeline: fetch, multiply, a level of the adder tree a stage, accumulate.
module isobit_streamed_dense #(
    parameter int IN = 80,
    parameter int OUT = 5,
    parameter int SIMD = 8,
    parameter int PE = 1,
    parameter int VECTORS = 1,
    parameter int IN_T = 12,
    parameter bit IN_T_SIGNED = 1,
    parameter int WEIGHT_T = 12,
    parameter bit WEIGHT_T_SIGNED = 1,
    parameter int ACC_T = 31,
    parameter bit ACC_T_SIGNED = 1,
    parameter USE_DSP = "auto",
    parameter VECTOR_MEMORY = "auto",
    parameter MATRIX_MEMORY = "auto",
    localparam int ROWS = OUT / PE * (IN / SIMD),
    localparam int ROW = PE * SIMD * WEIGHT_T
) (
    input  logic                 clk,
    input  logic                 rst,
    input  logic [SIMD*IN_T-1:0] in_data,
    input  logic                 in_valid,
    output logic                 in_ready,
    input  logic [      ROW-1:0] in_weights_data,
    input  logic                 in_weights_valid,
    output logic                 in_weights_ready,
    output logic [ PE*ACC_T-1:0] out_data,
    output logic                 out_valid,
    input  logic                 out_ready
);
  localparam int SF = IN / SIMD;
  localparam int NF = OUT / PE;
  localparam int SF_BITS = SF > 1 ? $clog2(SF) : 1;
  localparam int NF_BITS = NF > 1 ? $clog2(NF) : 1;
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int VECTOR_BITS = VECTORS > 1 ? $clog2(VECTORS) : 1;
  localparam int LATENCY = 3 + $clog2(SIMD);

  // ---------------------------------------------------------------- the loop
  logic [SF_BITS-1:0] sf;
  logic [NF_BITS-1:0] nf;
  logic [ROW_BITS-1:0] row;
  logic [VECTOR_BITS-1:0] vector_number;
  logic advance;
  wire reads = nf == '0;
  wire takes = vector_number == '0;
  wire vector_ends = sf == SF_BITS'(SF - 1);
  wire matrix_ends = row == ROW_BITS'(ROWS - 1);
  wire issue = advance && (!reads || in_valid) && (!takes || in_weights_valid);
  assign in_ready = issue && reads;
  assign in_weights_ready = issue && takes;
  isobit_pipeline #(.LATENCY(LATENCY)) pipeline (
      .clk, .rst, .writes(issue && vector_ends), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) begin
      sf <= '0;
      nf <= '0;
      row <= '0;
      vector_number <= '0;
    end else if (issue) begin
      sf  <= vector_ends ? '0 : sf + 1'b1;
      row <= matrix_ends ? '0 : row + 1'b1;
      if (vector_ends) nf <= nf == NF_BITS'(NF - 1) ? '0 : nf + 1'b1;
      if (matrix_ends) vector_number <= vector_number == VECTOR_BITS'(VECTORS - 1) ? '0 : vector_number + 1'b1;
    end
  end

  // ---------------------------------------------------------------- fetch: a word of x and a row of weights
  logic [SIMD*IN_T-1:0] x;
  logic [ROW-1:0] weights;
  isobit_kept #(.WIDTH(SIMD * IN_T), .DEPTH(SF), .AGAIN(NF > 1), .MEMORY(VECTOR_MEMORY)) vector (
      .clk, .enable(advance), .take(issue && reads), .address(sf), .word_in(in_data), .word(x));
  isobit_kept #(.WIDTH(ROW), .DEPTH(ROWS), .AGAIN(VECTORS > 1), .MEMORY(MATRIX_MEMORY)) matrix (
      .clk, .enable(advance), .take(issue && takes), .address(row), .word_in(in_weights_data), .word(weights));

  // ---------------------------------------------------------------- multiply, add, accumulate
  isobit_dots #(
      .PE(PE), .SIMD(SIMD), .IN_T(IN_T), .IN_T_SIGNED(IN_T_SIGNED), .WEIGHT_T(WEIGHT_T), .WEIGHT_T_SIGNED(WEIGHT_T_SIGNED),
      .ACC_T(ACC_T), .USE_DSP(USE_DSP)
  ) dots (.clk, .rst, .enable(advance), .issue, .first(sf == '0), .x, .weights, .acc(out_data));
  wire unused = &{1'b0, ACC_T_SIGNED};
endmodule
