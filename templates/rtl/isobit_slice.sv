// A box cut out of the frame: rows TOP .. TOP + OUT_H - 1, columns LEFT .. LEFT + OUT_W - 1 and, of each pixel's IN_WORDS
// words, FIRST .. FIRST + OUT_WORDS - 1.
// Schedule: H * W * IN_WORDS iterations a frame, a word in in each, the words inside out in the same.
module isobit_slice #(
    parameter int H = 8,
    parameter int W = 8,
    parameter int IN_WORDS = 4,
    parameter int LANES = 8,
    parameter int TOP = 1,
    parameter int LEFT = 1,
    parameter int FIRST = 2,
    parameter int OUT_H = 6,
    parameter int OUT_W = 6,
    parameter int OUT_WORDS = 2,
    parameter int ELEM_T = 4,
    parameter bit ELEM_T_SIGNED = 0
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [LANES*ELEM_T-1:0] in_data,
    input  logic                    in_valid,
    output logic                    in_ready,
    output logic [LANES*ELEM_T-1:0] out_data,
    output logic                    out_valid,
    input  logic                    out_ready
);
  localparam int Y_BITS = $clog2(H + 1), X_BITS = $clog2(W + 1), WORD_BITS = $clog2(IN_WORDS + 1);
  logic [Y_BITS-1:0] y;
  logic [X_BITS-1:0] x;
  logic [WORD_BITS-1:0] word;
  logic advance;
  wire issue = advance && in_valid;
  wire in_rows = int'(y) >= TOP && int'(y) < TOP + OUT_H;
  wire in_columns = int'(x) >= LEFT && int'(x) < LEFT + OUT_W;
  wire in_words = int'(word) >= FIRST && int'(word) < FIRST + OUT_WORDS;
  assign in_ready = advance;
  isobit_pipeline #(.LATENCY(1)) pipeline (
      .clk, .rst, .writes(issue && in_rows && in_columns && in_words), .advance, .out_valid, .out_ready);
  wire word_ends = word == WORD_BITS'(IN_WORDS - 1);
  wire row_ends = word_ends && x == X_BITS'(W - 1);
  always_ff @(posedge clk) begin
    if (rst) begin
      y <= '0;
      x <= '0;
      word <= '0;
    end else if (issue) begin
      word <= word_ends ? '0 : word + 1'b1;
      if (word_ends) x <= row_ends ? '0 : x + 1'b1;
      if (row_ends) y <= y == Y_BITS'(H - 1) ? '0 : y + 1'b1;
    end
    if (advance) out_data <= in_data;
  end
  wire unused = &{1'b0, ELEM_T_SIGNED};
endmodule
