// Matrix-vector unit: acc[o] = sum over i of weight[o][i] * x[i], folded over PE outputs and SIMD inputs, for each of
// VECTORS inputs: one of a plain dense layer, the windows of a convolution, the pixels of a pointwise one.
//
// Weights: row nf * SF + sf holds, for each of the PE outputs nf * PE + pe, the weights of inputs sf * SIMD ..
// sf * SIMD + SIMD - 1 (SF = IN / SIMD, NF = OUT / PE); input 0 of output 0 in the lowest bits.
// ACC_T bits hold the running sum after every SIMD inputs, not only the last one.
// Schedule: VECTORS * SF * NF iterations a frame; of every SF * NF the first SF read a word each; one word out every SF.
// Pipeline: fetch, multiply, a level of the adder tree a stage, accumulate.
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
    localparam int ROWS = OUT / PE * (IN / SIMD),
    localparam int ROW = PE * SIMD * (CODE_T > 0 ? CODE_T : WEIGHT_T),
    parameter WEIGHTS_FILE = "",
    parameter WEIGHTS_STYLE = "auto",
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
  localparam int PRODUCT = IN_T + WEIGHT_T + 2;
  localparam int LEVELS = $clog2(SIMD);
  localparam int LATENCY = 3 + LEVELS;

  // ---------------------------------------------------------------- the loop
  logic [SF_BITS-1:0] sf;
  logic [NF_BITS-1:0] nf;
  logic [ROW_BITS-1:0] row;
  logic advance;
  wire reads = nf == '0;
  wire vector_ends = sf == SF_BITS'(SF - 1);
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
      row <= row == ROW_BITS'(ROWS - 1) ? '0 : row + 1'b1;
      if (vector_ends) nf <= nf == NF_BITS'(NF - 1) ? '0 : nf + 1'b1;
    end
  end

  // ---------------------------------------------------------------- fetch: the word and its row of weights
  logic [SIMD*IN_T-1:0] x;
  logic [ROW-1:0] stored;
  logic [PE*SIMD*WEIGHT_T-1:0] weights;
  isobit_rom #(.WIDTH(ROW), .DEPTH(ROWS), .FILE(WEIGHTS_FILE), .STYLE(WEIGHTS_STYLE), .VALUES(WEIGHTS)) rom (
      .clk, .enable(advance), .address(row), .word(stored));
  isobit_weights #(.COUNT(PE * SIMD), .WEIGHT(WEIGHT_T), .CODE(CODE_T), .RUN(RUN)) decoded (.stored, .weights);
  if (NF == 1) begin : g_once
    always_ff @(posedge clk) if (advance) x <= in_data;
  end else begin : g_again
    // The vector is kept for the NF passes over it.
    logic [SIMD*IN_T-1:0] vector[SF];
    logic [SIMD*IN_T-1:0] fresh, kept;
    logic is_fresh;
    always_ff @(posedge clk) if (issue && reads) vector[sf] <= in_data;
    always_ff @(posedge clk) begin
      if (advance) begin
        kept <= vector[sf];
        fresh <= in_data;
        is_fresh <= reads;
      end
    end
    assign x = is_fresh ? fresh : kept;
  end

  // live[s] and first[s]: stage s holds an iteration, and it is the first of its sum.
  logic [LATENCY-1:1] live, first;
  always_ff @(posedge clk) begin
    if (rst) live <= '0;
    else if (advance) live <= (LATENCY - 1)'({live, issue});
    if (advance) first <= (LATENCY - 1)'({first, sf == '0});
  end

  // ---------------------------------------------------------------- multiply, add, accumulate
  logic signed [PRODUCT-1:0] products[PE][SIMD];
  logic signed [PRODUCT+LEVELS-1:0] dots[PE];
  logic signed [ACC_T:0] acc[PE];
  function automatic logic signed [IN_T:0] element(input int s);
    return {IN_T_SIGNED & x[s*IN_T+IN_T-1], x[s*IN_T+:IN_T]};
  endfunction
  function automatic logic signed [WEIGHT_T:0] weight(input int i);
    return {WEIGHT_T_SIGNED & weights[i*WEIGHT_T+WEIGHT_T-1], weights[i*WEIGHT_T+:WEIGHT_T]};
  endfunction
  isobit_sums #(.COUNT(PE), .N(SIMD), .WIDTH(PRODUCT)) tree (.clk, .enable(advance), .terms(products), .totals(dots));
  always_ff @(posedge clk) begin
    if (advance) begin
      for (int pe = 0; pe < PE; pe++) begin
        for (int s = 0; s < SIMD; s++) products[pe][s] <= element(s) * weight(pe * SIMD + s);
        if (live[LATENCY-1]) acc[pe] <= (first[LATENCY-1] ? '0 : acc[pe]) + (ACC_T + 1)'(dots[pe]);
      end
    end
  end
  always_comb for (int pe = 0; pe < PE; pe++) out_data[pe*ACC_T+:ACC_T] = acc[pe][ACC_T-1:0];
  wire unused = &{1'b0, ACC_T_SIGNED, VECTORS[0], CODE_T_SIGNED};
endmodule
