// A border of a constant around the frame.
//
// 1-D data has H = 1. A word is a share of a pixel, or SAMPLES = LANES / CHANNELS whole ones, which divide W and
// LEFT + W + RIGHT.
// Schedule: (TOP + H + BOTTOM) * (LEFT + W + RIGHT) * CHANNELS / LANES iterations a frame, a word out in each; a word in
// in the iteration in which its first pixel leaves.
module isobit_pad #(
    parameter int H = 16,
    parameter int W = 16,
    parameter int CHANNELS = 64,
    parameter int LANES = 8,
    parameter int TOP = 1,
    parameter int BOTTOM = 1,
    parameter int LEFT = 1,
    parameter int RIGHT = 1,
    parameter logic signed [63:0] VALUE = 64'sd0,
    parameter int IN_T = 4,
    parameter bit IN_T_SIGNED = 0,
    parameter int OUT_T = 4,
    parameter bit OUT_T_SIGNED = 0
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic [ LANES*IN_T-1:0] in_data,
    input  logic                   in_valid,
    output logic                   in_ready,
    output logic [LANES*OUT_T-1:0] out_data,
    output logic                   out_valid,
    input  logic                   out_ready
);
  localparam int SAMPLES = LANES > CHANNELS ? LANES / CHANNELS : 1;
  localparam int FOLDS = CHANNELS > LANES ? CHANNELS / LANES : 1;
  localparam int PIXEL = LANES < CHANNELS ? LANES : CHANNELS;
  localparam int ROWS = TOP + H + BOTTOM;
  localparam int COLUMNS = (LEFT + W + RIGHT) / SAMPLES;  // words
  localparam int SHIFT = LEFT % SAMPLES * PIXEL;  // lanes from a word in to the word out that it begins in
  localparam int FIRST = LEFT / SAMPLES, WIDTH = W / SAMPLES;  // words
  localparam int Y_BITS = $clog2(ROWS + 1), X_BITS = $clog2(COLUMNS + 1), FOLD_BITS = $clog2(FOLDS + 1);

  logic [Y_BITS-1:0] y;
  logic [X_BITS-1:0] x;
  logic [FOLD_BITS-1:0] fold;
  logic advance;
  wire in_rows = int'(y) >= TOP && int'(y) < TOP + H;
  wire reads = in_rows && int'(x) >= FIRST && int'(x) < FIRST + WIDTH;
  wire issue = advance && (!reads || in_valid);
  assign in_ready = advance && reads;
  isobit_pipeline #(.LATENCY(1)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  wire pixel_ends = fold == FOLD_BITS'(FOLDS - 1);
  wire row_ends = pixel_ends && x == X_BITS'(COLUMNS - 1);
  always_ff @(posedge clk) begin
    if (rst) begin
      y <= '0;
      x <= '0;
      fold <= '0;
    end else if (issue) begin
      fold <= pixel_ends ? '0 : fold + 1'b1;
      if (pixel_ends) x <= row_ends ? '0 : x + 1'b1;
      if (row_ends) y <= y == Y_BITS'(ROWS - 1) ? '0 : y + 1'b1;
    end
  end

  // The row's last word, where a word out begins in one word in and ends in the next.
  logic [LANES*IN_T-1:0] earlier;
  if (SHIFT > 0) begin : g_earlier
    always_ff @(posedge clk) if (issue) earlier <= in_data;
  end else begin : g_whole
    assign earlier = '0;
  end
  localparam logic signed [OUT_T:0] BORDER = (OUT_T + 1)'(VALUE);
  wire [2*LANES*IN_T-1:0] both = {in_data, earlier};
  always_ff @(posedge clk) begin
    if (advance) begin
      for (int l = 0; l < LANES; l++) begin
        automatic logic [IN_T-1:0] bits = both[(LANES-SHIFT+l)*IN_T+:IN_T];
        automatic int column = int'(x) * SAMPLES + l / PIXEL - LEFT;
        out_data[l*OUT_T+:OUT_T] <= in_rows && column >= 0 && column < W ?
            OUT_T'($signed({IN_T_SIGNED & bits[IN_T-1], bits})) : BORDER[OUT_T-1:0];
      end
    end
  end
  wire unused = &{1'b0, OUT_T_SIGNED, BORDER, earlier};
endmodule
