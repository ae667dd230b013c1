// The windows of a line, SAMPLES positions at a time, without a gap between lines: a block in one word.
//
// Blocks and the border are those of parallel_window, of one row. The first LAG words of a line come together (head,
// from look_ahead), so a block leaves in every iteration from the first on.
// Schedule: WORDS iterations a frame; head comes in the first, the words of body in the first WORDS - LAG, a block leaves
// in each of the first BLOCKS.
// Pipeline: the pixels in registers, the bordered block.
module isobit_line_window #(
    parameter int H = 1,
    parameter int W = 64,
    parameter int SAMPLES = 4,
    parameter int CHANNELS = 8,
    parameter int KH = 1,
    parameter int KW = 3,
    parameter int SW = 1,
    parameter int DW = 1,
    parameter int SH = 1,
    parameter int DH = 1,
    parameter int TOP = 0,
    parameter int BOTTOM = 0,
    parameter int LEFT = 1,
    parameter int RIGHT = 1,
    parameter logic signed [63:0] VALUE = 64'sd0,
    parameter int IN_T = 4,
    parameter bit IN_T_SIGNED = 0,
    parameter int OUT_T = 4,
    parameter bit OUT_T_SIGNED = 0,
    localparam int COLUMNS = (SAMPLES - 1) * SW + (KW - 1) * DW + 1,
    localparam int STEP = SAMPLES * SW,
    localparam int LAG = (COLUMNS - 1 - LEFT) / STEP,  // words from a block's place to its last one
    localparam int WORD = STEP * CHANNELS * IN_T,  // bits
    localparam int BLOCK = COLUMNS * CHANNELS
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic [   LAG*WORD-1:0] head_data,
    input  logic                   head_valid,
    output logic                   head_ready,
    input  logic [       WORD-1:0] body_data,
    input  logic                   body_valid,
    output logic                   body_ready,
    output logic [BLOCK*OUT_T-1:0] out_data,
    output logic                   out_valid,
    input  logic                   out_ready
);
  localparam int OUT_W = (LEFT + W + RIGHT - (KW - 1) * DW - 1) / SW + 1;
  localparam int WORDS = (W + STEP - 1) / STEP;
  localparam int BLOCKS = (OUT_W + SAMPLES - 1) / SAMPLES;
  localparam int KEPT = LEFT + (LAG + 1) * STEP;  // pixels, the block's first
  localparam int LINE = KEPT * CHANNELS * IN_T;  // bits
  localparam int TRIP_BITS = $clog2(WORDS + 1);
  localparam int COLUMN_BITS = $clog2(WORDS * STEP + LEFT + COLUMNS + 1) + 1;

  logic [TRIP_BITS-1:0] trip;
  logic signed [COLUMN_BITS-1:0] left;  // the next block's first column
  logic advance;
  wire first = trip == '0;
  wire reads = trip < TRIP_BITS'(WORDS - LAG);
  wire issue = advance && (!reads || body_valid) && (!first || head_valid);
  wire frame_ends = trip == TRIP_BITS'(WORDS - 1);
  assign head_ready = advance && first && body_valid;
  assign body_ready = advance && reads && (!first || head_valid);
  isobit_pipeline #(.LATENCY(2)) pipeline (
      .clk, .rst, .writes(issue && trip < TRIP_BITS'(BLOCKS)), .advance, .out_valid, .out_ready
  );
  always_ff @(posedge clk) begin
    if (rst || (issue && frame_ends)) begin
      trip <= '0;
      left <= -COLUMN_BITS'(LEFT);
    end else if (issue) begin
      trip <= trip + 1'b1;
      left <= left + COLUMN_BITS'(STEP);
    end
  end

  logic [LINE-1:0] pixels;
  logic signed [COLUMN_BITS-1:0] left_of;
  wire [LINE-1:0] earlier = first ? LINE'(head_data) << (LINE - LAG * WORD) : pixels;
  always_ff @(posedge clk) begin
    if (issue) pixels <= LINE'({body_data, earlier} >> WORD);
    if (advance) left_of <= left;
  end
  localparam logic signed [OUT_T:0] BORDER = (OUT_T + 1)'(VALUE);
  function automatic logic in_frame(input int c);
    logic signed [COLUMN_BITS-1:0] column = left_of + COLUMN_BITS'(c);
    return LEFT + RIGHT == 0 || (column >= 0 && column < COLUMN_BITS'(W));
  endfunction
  function automatic logic [OUT_T-1:0] element(input int i);
    return OUT_T'($signed({IN_T_SIGNED & pixels[i*IN_T+IN_T-1], pixels[i*IN_T+:IN_T]}));
  endfunction
  always_ff @(posedge clk) begin
    if (advance) begin
      for (int i = 0; i < BLOCK; i++) begin
        out_data[i*OUT_T+:OUT_T] <= in_frame(i / CHANNELS) ? element(i) : BORDER[OUT_T-1:0];
      end
    end
  end
  wire unused = &{1'b0, OUT_T_SIGNED, BORDER, H[0], KH[0], SH[0], DH[0], TOP[0], BOTTOM[0]};
endmodule
