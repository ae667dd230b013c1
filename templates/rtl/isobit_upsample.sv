// Nearest upsampling: every pixel FACTOR_H times FACTOR_W times.
//
// A word is a share of a pixel, or SAMPLES = LANES / CHANNELS whole ones, which divide W. One row is kept to be repeated;
// one word's pixels where rows are not.
// Schedule: H * FACTOR_H * W * FACTOR_W * CHANNELS / LANES iterations a frame, a word out in each; a word in in those in
// which its first pixel leaves for the first time.
module isobit_upsample #(
    parameter int H = 8,
    parameter int W = 8,
    parameter int CHANNELS = 64,
    parameter int LANES = 8,
    parameter int FACTOR_H = 2,
    parameter int FACTOR_W = 2,
    parameter KEPT_MEMORY = "auto",
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
  localparam int SAMPLES = LANES > CHANNELS ? LANES / CHANNELS : 1;
  localparam int FOLDS = CHANNELS > LANES ? CHANNELS / LANES : 1;
  localparam int PIXEL = LANES < CHANNELS ? LANES : CHANNELS;
  localparam int WIDTH = W / SAMPLES;
  localparam int KEPT = (FACTOR_H == 1 ? 1 : WIDTH) * FOLDS;  // words
  localparam int PLACE = KEPT > 1 ? $clog2(KEPT) : 1;
  localparam int FOLD_BITS = $clog2(FOLDS + 1), X_BITS = $clog2(WIDTH + 1);
  localparam int CX_BITS = $clog2(FACTOR_W + 1), CY_BITS = $clog2(FACTOR_H + 1);

  logic [FOLD_BITS-1:0] fold;
  logic [CX_BITS-1:0] copy_x;
  logic [X_BITS-1:0] x;
  logic [CY_BITS-1:0] copy_y;
  logic [PLACE-1:0] first;  // place of the pixel's first word
  logic advance;
  wire reads = copy_y == '0 && copy_x == '0;
  wire issue = advance && (!reads || in_valid);
  assign in_ready = advance && reads;
  isobit_pipeline #(.LATENCY(2)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  wire pixel_ends = fold == FOLD_BITS'(FOLDS - 1);
  wire copies_end = pixel_ends && copy_x == CX_BITS'(FACTOR_W - 1);
  wire row_ends = copies_end && x == X_BITS'(WIDTH - 1);
  always_ff @(posedge clk) begin
    if (rst) begin
      fold <= '0;
      copy_x <= '0;
      x <= '0;
      copy_y <= '0;
      first <= '0;
    end else if (issue) begin
      fold <= pixel_ends ? '0 : fold + 1'b1;
      if (pixel_ends) copy_x <= copies_end ? '0 : copy_x + 1'b1;
      if (copies_end) x <= row_ends ? '0 : x + 1'b1;
      if (copies_end) first <= int'(first) == KEPT - FOLDS ? '0 : first + PLACE'(FOLDS);
      if (row_ends) copy_y <= copy_y == CY_BITS'(FACTOR_H - 1) ? '0 : copy_y + 1'b1;
    end
  end

  (* ram_style = KEPT_MEMORY *)logic [LANES*ELEM_T-1:0] kept[KEPT];
  logic [LANES*ELEM_T-1:0] fresh, old;
  logic is_fresh;
  logic [CX_BITS-1:0] copy;
  wire [PLACE-1:0] place = first + PLACE'(fold);
  always_ff @(posedge clk) if (issue && reads) kept[place] <= in_data;
  always_ff @(posedge clk) begin
    if (advance) begin
      old <= kept[place];
      fresh <= in_data;
      is_fresh <= reads;
      copy <= copy_x;
    end
  end
  wire [LANES*ELEM_T-1:0] word = is_fresh ? fresh : old;
  always_ff @(posedge clk) begin
    if (advance) begin
      for (int l = 0; l < LANES; l++) begin
        // Of copy k, lane l shows pixel (k * SAMPLES + l / PIXEL) / FACTOR_W of the word.
        out_data[l*ELEM_T+:ELEM_T] <= word[(l/PIXEL/FACTOR_W*PIXEL+l%PIXEL)*ELEM_T+:ELEM_T];
        for (int k = 1; k < FACTOR_W; k++) begin
          if (int'(copy) == k) begin
            out_data[l*ELEM_T+:ELEM_T] <= word[((k*SAMPLES+l/PIXEL)/FACTOR_W*PIXEL+l%PIXEL)*ELEM_T+:ELEM_T];
          end
        end
      end
    end
  end
  wire unused = &{1'b0, ELEM_T_SIGNED, H[0]};
endmodule
