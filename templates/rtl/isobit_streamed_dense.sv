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
  localparam int PRODUCT = IN_T + WEIGHT_T + 2;
  localparam int LEVELS = $clog2(SIMD);
  localparam int LATENCY = 3 + LEVELS;

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
  if (VECTORS == 1) begin : g_streamed
    always_ff @(posedge clk) if (advance) weights <= in_weights_data;
  end else begin : g_kept
    // The matrix is kept for the vectors behind the first.
    logic [ROW-1:0] matrix[ROWS];
    logic [ROW-1:0] fresh, kept;
    logic is_fresh;
    always_ff @(posedge clk) if (issue && takes) matrix[row] <= in_weights_data;
    always_ff @(posedge clk) begin
      if (advance) begin
        kept <= matrix[row];
        fresh <= in_weights_data;
        is_fresh <= takes;
      end
    end
    assign weights = is_fresh ? fresh : kept;
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
  wire unused = &{1'b0, ACC_T_SIGNED};
endmodule
