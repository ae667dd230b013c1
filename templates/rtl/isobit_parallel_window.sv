// The windows of a convolution or pooling, SAMPLES positions at a time: a block in one word.
//
// A block is what the windows of SAMPLES adjacent positions cover: the KH rows that the kernel meets, COLUMNS pixels each,
// from the first window's first to the last window's last. A word in is STEP = SAMPLES * SW pixels of a row; where STEP
// does not divide W, or SAMPLES the width of what comes out, nobody reads what fills a row's last word or block.
// 1-D data has H = KH = 1. A border of VALUE is made here.
// Schedule: TRIPS iterations a frame: the H * WORDS words come in the first of them, one in each; a row's BLOCKS blocks
// leave in successive ones, the frame's first in iteration FIRST, the next row's SH * WORDS later.
// Pipeline: the pixels in registers, the bordered block.
module isobit_parallel_window #(
    parameter int H = 16,
    parameter int W = 16,
    parameter int SAMPLES = 4,
    parameter int CHANNELS = 8,
    parameter int KH = 3,
    parameter int KW = 3,
    parameter int SW = 1,
    parameter int DW = 1,
    parameter int SH = 1,
    parameter int DH = 1,
    parameter int TOP = 1,
    parameter int BOTTOM = 1,
    parameter int LEFT = 1,
    parameter int RIGHT = 1,
    parameter logic signed [63:0] VALUE = 64'sd0,
    parameter int IN_T = 4,
    parameter bit IN_T_SIGNED = 0,
    parameter int OUT_T = 4,
    parameter bit OUT_T_SIGNED = 0,
    parameter MEMORY = "auto",
    localparam int COLUMNS = (SAMPLES - 1) * SW + (KW - 1) * DW + 1,
    localparam int STEP = SAMPLES * SW,
    localparam int BLOCK = KH * COLUMNS * CHANNELS
) (
    input  logic                          clk,
    input  logic                          rst,
    input  logic [STEP*CHANNELS*IN_T-1:0] in_data,
    input  logic                          in_valid,
    output logic                          in_ready,
    output logic [       BLOCK*OUT_T-1:0] out_data,
    output logic                          out_valid,
    input  logic                          out_ready
);
  localparam int SPAN_H = (KH - 1) * DH + 1, SPAN_W = (KW - 1) * DW + 1;
  localparam int OUT_H = (TOP + H + BOTTOM - SPAN_H) / SH + 1, OUT_W = (LEFT + W + RIGHT - SPAN_W) / SW + 1;
  localparam int WORDS = (W + STEP - 1) / STEP;
  localparam int BLOCKS = (OUT_W + SAMPLES - 1) / SAMPLES;
  localparam bit BORDERED = TOP + BOTTOM + LEFT + RIGHT > 0;
  localparam int LAG = (COLUMNS - 1 - LEFT) / STEP;  // words from a block's place to its last one
  localparam int KEPT = LEFT + (LAG + 1) * STEP;  // pixels of a row, the block's first
  localparam int FIRST = (SPAN_H - 1 - TOP) * WORDS + LAG;
  localparam int LAST = FIRST + (OUT_H - 1) * SH * WORDS + BLOCKS - 1;
  localparam int TRIPS = H * WORDS > LAST + 1 ? H * WORDS : LAST + 1;
  localparam int WORD = STEP * CHANNELS * IN_T;  // bits
  localparam int LINE = KEPT * CHANNELS * IN_T;
  localparam int ABOVE = SPAN_H > 1 ? SPAN_H - 1 : 1;  // rows

  localparam int TRIP_BITS = $clog2(TRIPS + 1), X_BITS = $clog2(WORDS + 1), LINE_BITS = $clog2(SH + 1);
  localparam int ROW_BITS = $clog2(OUT_H * SH + TOP + H + SPAN_H + 1) + 1;
  localparam int COLUMN_BITS = $clog2(WORDS * STEP + LEFT + COLUMNS + 1) + 1;

  logic [TRIP_BITS-1:0] trip;
  logic [X_BITS-1:0] x, place;  // word of its row: of the one that comes in, of the next block
  logic [LINE_BITS-1:0] line;  // rows since those of the last block
  logic signed [ROW_BITS-1:0] top;  // first row of the next block
  logic signed [COLUMN_BITS-1:0] left;  // its first column
  logic advance;
  wire reads = trip < TRIP_BITS'(H * WORDS);
  wire issue = advance && (!reads || in_valid);
  wire begun = trip >= TRIP_BITS'(FIRST);
  wire emits = begun && line == '0 && place < X_BITS'(BLOCKS) && top < ROW_BITS'(OUT_H * SH - TOP);
  wire frame_ends = trip == TRIP_BITS'(TRIPS - 1);
  wire place_ends = place == X_BITS'(WORDS - 1);
  assign in_ready = advance && reads;
  isobit_pipeline #(.LATENCY(2)) pipeline (.clk, .rst, .writes(issue && emits), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst || (issue && frame_ends)) begin
      trip <= '0;
      x <= '0;
      place <= '0;
      line <= '0;
      top <= -ROW_BITS'(TOP);
      left <= -COLUMN_BITS'(LEFT);
    end else if (issue) begin
      trip <= trip + 1'b1;
      x <= x == X_BITS'(WORDS - 1) ? '0 : x + 1'b1;
      if (begun) begin
        place <= place_ends ? '0 : place + 1'b1;
        left  <= place_ends ? -COLUMN_BITS'(LEFT) : left + COLUMN_BITS'(STEP);
        if (place_ends) line <= line == LINE_BITS'(SH - 1) ? '0 : line + 1'b1;
        if (place_ends && line == '0) top <= top + ROW_BITS'(SH);
      end
    end
  end

  // The rows above the one that comes in, the nearest first; those of the next word are fetched while this one enters.
  logic [ABOVE*WORD-1:0] above;
  if (SPAN_H > 1) begin : g_lines
    wire [ABOVE*WORD-1:0] next = (ABOVE * WORD)'({above, in_data});
    if (WORDS == 1) begin : g_register
      always_ff @(posedge clk) if (issue) above <= next;
    end else begin : g_memory
      localparam int INDEX = $clog2(WORDS);
      (* ram_style = MEMORY *)logic [ABOVE*WORD-1:0] lines[WORDS];
      wire [X_BITS-1:0] following = frame_ends || x == X_BITS'(WORDS - 1) ? '0 : x + 1'b1;
      always_ff @(posedge clk) begin
        if (issue) lines[INDEX'(x)] <= next;
        if (issue) above <= lines[INDEX'(following)];
      end
    end
  end else begin : g_no_lines
    assign above = '0;
  end

  logic [KH-1:0][LINE-1:0] pixels;
  logic signed [ROW_BITS-1:0] top_of;
  logic signed [COLUMN_BITS-1:0] left_of;
  for (genvar k = 0; k < KH; k++) begin : g_row
    localparam int UP = (KH - 1 - k) * DH;
    wire [WORD-1:0] entering = UP == 0 ? in_data : above[(UP>0?UP-1:0)*WORD+:WORD];
    always_ff @(posedge clk) if (issue) pixels[k] <= LINE'({entering, pixels[k]} >> WORD);
  end
  always_ff @(posedge clk) begin
    if (advance) begin
      top_of  <= top;
      left_of <= left;
    end
  end
  localparam logic signed [OUT_T:0] BORDER = (OUT_T + 1)'(VALUE);
  function automatic logic in_frame(input int k, input int c);
    logic signed [ROW_BITS-1:0] y = top_of + ROW_BITS'(k * DH);
    logic signed [COLUMN_BITS-1:0] column = left_of + COLUMN_BITS'(c);
    return !BORDERED || (y >= 0 && y < ROW_BITS'(H) && column >= 0 && column < COLUMN_BITS'(W));
  endfunction
  function automatic logic [OUT_T-1:0] element(input int k, input int i);
    return OUT_T'($signed({IN_T_SIGNED & pixels[k][i*IN_T+IN_T-1], pixels[k][i*IN_T+:IN_T]}));
  endfunction
  always_ff @(posedge clk) begin
    if (advance) begin
      for (int k = 0; k < KH; k++) begin
        for (int i = 0; i < COLUMNS * CHANNELS; i++) begin
          out_data[(k*COLUMNS*CHANNELS+i)*OUT_T+:OUT_T] <= in_frame(k, i / CHANNELS) ? element(k, i) : BORDER[OUT_T-1:0];
        end
      end
    end
  end
  wire unused = &{1'b0, OUT_T_SIGNED, BORDER, above};
endmodule
