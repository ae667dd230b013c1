// Products of two streams.

// Element by element: y = a * b. Schedule: FOLDS iterations a frame, a word in from either side and out in each.
// Pipeline: fetch, multiply.
module isobit_product #(
    parameter int PE = 8,
    parameter int FOLDS = 64,
    parameter USE_DSP = "auto",
    parameter int A_T = 8,
    parameter bit A_T_SIGNED = 1,
    parameter int B_T = 8,
    parameter bit B_T_SIGNED = 0,
    parameter int OUT_T = 16,
    parameter bit OUT_T_SIGNED = 1
) (
    input  logic                clk,
    input  logic                rst,
    input  logic [  PE*A_T-1:0] in_a_data,
    input  logic                in_a_valid,
    output logic                in_a_ready,
    input  logic [  PE*B_T-1:0] in_b_data,
    input  logic                in_b_valid,
    output logic                in_b_ready,
    output logic [PE*OUT_T-1:0] out_data,
    output logic                out_valid,
    input  logic                out_ready
);
  localparam int PRODUCT = A_T + B_T + 2;
  logic advance;
  wire issue = advance && in_a_valid && in_b_valid;
  assign in_a_ready = issue;
  assign in_b_ready = issue;
  isobit_pipeline #(.LATENCY(2)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);

  logic [PE*A_T-1:0] a;
  logic [PE*B_T-1:0] b;
  (* use_dsp = USE_DSP *)logic signed [PRODUCT-1:0] product[PE];
  function automatic logic signed [A_T:0] first(input int pe);
    return {A_T_SIGNED & a[pe*A_T+A_T-1], a[pe*A_T+:A_T]};
  endfunction
  function automatic logic signed [B_T:0] second(input int pe);
    return {B_T_SIGNED & b[pe*B_T+B_T-1], b[pe*B_T+:B_T]};
  endfunction
  always_ff @(posedge clk) begin
    if (advance) begin
      a <= in_a_data;
      b <= in_b_data;
      for (int pe = 0; pe < PE; pe++) product[pe] <= first(pe) * second(pe);
    end
  end
  always_comb for (int pe = 0; pe < PE; pe++) out_data[pe*OUT_T+:OUT_T] = OUT_T'(product[pe]);
  wire unused = &{1'b0, FOLDS[0], OUT_T_SIGNED};
endmodule

// A map times a factor per channel that is computed at run time: y[p][c] = a[p][c] * b[c].
//
// A word of a is a share of a pixel, or whole ones. The factors are one pixel, in ROWS words of as many channels as a word
// of a has: they come with the words of the first pixel, and are kept for the others.
// Schedule: FOLDS iterations a frame, a word in from a and out in each, a word of b in the first ROWS of them.
// Pipeline: fetch, multiply.
module isobit_channel_product #(
    parameter int CHANNELS = 64,
    parameter int PE = 8,
    parameter int FOLDS = 512,
    parameter USE_DSP = "auto",
    parameter KEPT_MEMORY = "auto",
    parameter int A_T = 8,
    parameter bit A_T_SIGNED = 0,
    parameter int B_T = 8,
    parameter bit B_T_SIGNED = 0,
    parameter int OUT_T = 16,
    parameter bit OUT_T_SIGNED = 0,
    localparam int WIDTH = PE < CHANNELS ? PE : CHANNELS
) (
    input  logic                 clk,
    input  logic                 rst,
    input  logic [   PE*A_T-1:0] in_a_data,
    input  logic                 in_a_valid,
    output logic                 in_a_ready,
    input  logic [WIDTH*B_T-1:0] in_b_data,
    input  logic                 in_b_valid,
    output logic                 in_b_ready,
    output logic [ PE*OUT_T-1:0] out_data,
    output logic                 out_valid,
    input  logic                 out_ready
);
  localparam int ROWS = CHANNELS / WIDTH;
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int FOLD_BITS = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int PRODUCT = A_T + B_T + 2;
  logic [ROW_BITS-1:0] row;
  logic [FOLD_BITS-1:0] fold;
  logic advance;
  wire reads = int'(fold) < ROWS;
  wire issue = advance && in_a_valid && (!reads || in_b_valid);
  assign in_a_ready = issue;
  assign in_b_ready = issue && reads;
  isobit_pipeline #(.LATENCY(2)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) begin
      row  <= '0;
      fold <= '0;
    end else if (issue) begin
      row  <= row == ROW_BITS'(ROWS - 1) ? '0 : row + 1'b1;
      fold <= fold == FOLD_BITS'(FOLDS - 1) ? '0 : fold + 1'b1;
    end
  end

  (* ram_style = KEPT_MEMORY *)logic [WIDTH*B_T-1:0] kept[ROWS];
  logic [WIDTH*B_T-1:0] fresh, old;
  logic is_fresh;
  logic [PE*A_T-1:0] a;
  wire [WIDTH*B_T-1:0] factors = is_fresh ? fresh : old;
  always_ff @(posedge clk) if (issue && reads) kept[row] <= in_b_data;
  always_ff @(posedge clk) begin
    if (advance) begin
      a <= in_a_data;
      fresh <= in_b_data;
      old <= kept[row];
      is_fresh <= reads;
    end
  end
  (* use_dsp = USE_DSP *)logic signed [PRODUCT-1:0] product[PE];
  function automatic logic signed [A_T:0] element(input int pe);
    return {A_T_SIGNED & a[pe*A_T+A_T-1], a[pe*A_T+:A_T]};
  endfunction
  function automatic logic signed [B_T:0] factor(input int c);
    return {B_T_SIGNED & factors[c*B_T+B_T-1], factors[c*B_T+:B_T]};
  endfunction
  always_ff @(posedge clk) begin
    if (advance) for (int pe = 0; pe < PE; pe++) product[pe] <= element(pe) * factor(pe % WIDTH);
  end
  always_comb for (int pe = 0; pe < PE; pe++) out_data[pe*OUT_T+:OUT_T] = OUT_T'(product[pe]);
  wire unused = &{1'b0, OUT_T_SIGNED};
endmodule
