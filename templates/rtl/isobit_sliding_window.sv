// The windows of a convolution or pooling: for every output position, row by row, the pixels its kernel covers.
//
// A pixel is FOLDS = CHANNELS / LANES words. A window comes kernel row by kernel row, pixel by pixel, fold by fold. There
// is no padding here (isobit_pad). 1-D data has H = KH = 1.
// A frame is IMAGES images of H x W pixels, each as if it were alone. Schedule: TRIPS iterations an image. A word in in each while the line buffer has room; a window's words leave in
// successive ones, once SPAN pixels from its first on were read in earlier iterations. MEMORY is the place of the line
// buffer: "auto", "distributed", "block" or "ultra". Pipeline: line buffer, output register.
module isobit_sliding_window #(
    parameter int IMAGES = 1,
    parameter int H = 18,
    parameter int W = 18,
    parameter int CHANNELS = 64,
    parameter int LANES = 8,
    parameter int KH = 3,
    parameter int KW = 3,
    parameter int SH = 1,
    parameter int SW = 1,
    parameter int DH = 1,
    parameter int DW = 1,
    parameter int ELEM_T = 4,
    parameter bit ELEM_T_SIGNED = 0,
    parameter MEMORY = "auto"
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
  function automatic int most(input int a, input int b);
    return a > b ? a : b;
  endfunction
  function automatic int least(input int a, input int b);
    return a < b ? a : b;
  endfunction
  localparam int SPAN_H = (KH - 1) * DH + 1, SPAN_W = (KW - 1) * DW + 1;
  localparam int FOLDS = CHANNELS / LANES;
  localparam int TAPS = KH * KW;
  localparam int OUT_H = (H - SPAN_H) / SH + 1, OUT_W = (W - SPAN_W) / SW + 1;
  localparam int WORDS_IN = H * W * FOLDS;
  // Pixels from a window's first to its last, and to the next window's first one, in a row and at a row's end.
  localparam int SPAN = (SPAN_H - 1) * W + SPAN_W;
  localparam int NEXT_ROW = SH * W - (OUT_W - 1) * SW;
  // Pixels read ahead while windows leave: what the longest move needs, and no more than can pile up in a row.
  localparam int ADVANCE = most(OUT_W > 1 ? SW : 0, OUT_H > 1 ? NEXT_ROW : 0);
  localparam int AHEAD = least(ADVANCE, (OUT_W - 1) * most(TAPS - SW, 0) + TAPS);
  localparam int DEPTH = (SPAN + AHEAD) * FOLDS;  // words
  localparam int EMIT_ROW = (OUT_W - 1) * most(TAPS, SW) + TAPS;
  localparam int UNUSED = H * W - (OUT_H - 1) * SH * W - (OUT_W - 1) * SW - SPAN;
  localparam int LAST_ROW = most(EMIT_ROW + most(UNUSED - AHEAD, 0), (OUT_W - 1) * SW + UNUSED);
  localparam int TRIPS = (SPAN + (OUT_H - 1) * most(EMIT_ROW, SH * W) + LAST_ROW) * FOLDS;
  // Moves of the read place, in words.
  localparam int STEP_TAP = (DW - 1) * FOLDS + 1;
  localparam int STEP_LINE = (DH * W - SPAN_W) * FOLDS + 1;
  localparam int MOVE = SW * FOLDS;
  localparam int MOVE_ROW = NEXT_ROW * FOLDS;

  localparam int PLACE = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int HELD = $clog2(most(DEPTH, most(MOVE, MOVE_ROW)) + 1) + 1;
  localparam int TRIP_BITS = $clog2(TRIPS + 1), IN_BITS = $clog2(WORDS_IN + 1);
  localparam int FOLD_BITS = $clog2(FOLDS + 1), KW_BITS = $clog2(KW + 1), KH_BITS = $clog2(KH + 1);
  localparam int COLUMN_BITS = $clog2(OUT_W + 1);

  function automatic logic [PLACE-1:0] moved(input logic [PLACE-1:0] from, input int by);
    logic [PLACE:0] sum = (PLACE + 1)'(from) + (PLACE + 1)'(by);
    return PLACE'(sum >= (PLACE + 1)'(DEPTH) ? sum - (PLACE + 1)'(DEPTH) : sum);
  endfunction

  logic [TRIP_BITS-1:0] trip;
  logic [IN_BITS-1:0] received;
  logic signed [HELD-1:0] held;  // words from the window's first one on; negative while pixels between windows pass
  logic [PLACE-1:0] write_place, place, first;  // of the next word out and of its window's first one
  logic [FOLD_BITS-1:0] fold;
  logic [KW_BITS-1:0] kw;
  logic [KH_BITS-1:0] kh;
  logic [COLUMN_BITS-1:0] column;

  logic advance;
  wire emits = held >= HELD'(SPAN * FOLDS);
  wire reads = received < IN_BITS'(WORDS_IN) && held < HELD'(DEPTH);
  wire issue = advance && (!reads || in_valid);
  wire image_ends = trip == TRIP_BITS'(TRIPS - 1);
  assign in_ready = advance && reads;
  isobit_pipeline #(.LATENCY(2)) pipeline (.clk, .rst, .writes(issue && emits), .advance, .out_valid, .out_ready);

  wire pixel_ends = fold == FOLD_BITS'(FOLDS - 1);
  wire line_ends = pixel_ends && kw == KW_BITS'(KW - 1);
  wire window_ends = line_ends && kh == KH_BITS'(KH - 1);
  wire row_ends = window_ends && column == COLUMN_BITS'(OUT_W - 1);
  wire [PLACE-1:0] next_first = row_ends ? moved(first, MOVE_ROW % DEPTH) : moved(first, MOVE % DEPTH);
  wire [PLACE-1:0] next_place =
      line_ends ? moved(place, STEP_LINE) : pixel_ends ? moved(place, STEP_TAP) : moved(place, 1);
  wire signed [HELD-1:0] given_up =
      !(emits && window_ends) ? '0 : row_ends ? HELD'(MOVE_ROW) : HELD'(MOVE);
  always_ff @(posedge clk) begin
    if (rst || (issue && image_ends)) begin
      trip <= '0;
      received <= '0;
      held <= '0;
      write_place <= '0;
      place <= '0;
      first <= '0;
      fold <= '0;
      kw <= '0;
      kh <= '0;
      column <= '0;
    end else if (issue) begin
      trip <= trip + 1'b1;
      held <= held - given_up + HELD'({1'b0, reads});
      if (reads) begin
        received <= received + 1'b1;
        write_place <= moved(write_place, 1);
      end
      if (emits) begin
        place <= window_ends ? next_first : next_place;
        fold <= pixel_ends ? '0 : fold + 1'b1;
        if (pixel_ends) kw <= line_ends ? '0 : kw + 1'b1;
        if (line_ends) kh <= window_ends ? '0 : kh + 1'b1;
        if (window_ends) begin
          first  <= next_first;
          column <= row_ends ? '0 : column + 1'b1;
        end
      end
    end
  end

  (* ram_style = MEMORY *)logic [LANES*ELEM_T-1:0] lines[DEPTH];
  logic [LANES*ELEM_T-1:0] word;
  always_ff @(posedge clk) if (issue && reads) lines[write_place] <= in_data;
  always_ff @(posedge clk) begin
    if (advance) begin
      word <= lines[place];
      out_data <= word;
    end
  end
  wire unused = &{1'b0, ELEM_T_SIGNED, IMAGES[0]};
endmodule
