// Step or table by look-up: y = table[c][acc - LO].
//
// A table of SIZE entries a channel, or, with CHANNELS = 1, one for all. Lane l has a memory of its own with the tables
// of channels row * LANES + l, each filled up to a power of two: file TABLE_FILE with two digits and ".hex" behind it.
// Schedule: FOLDS iterations a frame, a word in and out in each. Pipeline: index, entry.
module isobit_lookup #(
    parameter int CHANNELS = 64,
    parameter int PE = 8,
    parameter int FOLDS = 8,
    parameter int LO = -128,
    parameter int SIZE = 256,
    parameter int IN_T = 8,
    parameter bit IN_T_SIGNED = 1,
    parameter int OUT_T = 8,
    parameter bit OUT_T_SIGNED = 0,
    localparam int LANES = PE < CHANNELS ? PE : CHANNELS,
    localparam int ROWS = CHANNELS / LANES,
    parameter TABLE_STYLE = "auto",
    parameter TABLE_FILE = "table"
) (
    input  logic                clk,
    input  logic                rst,
    input  logic [ PE*IN_T-1:0] in_data,
    input  logic                in_valid,
    output logic                in_ready,
    output logic [PE*OUT_T-1:0] out_data,
    output logic                out_valid,
    input  logic                out_ready
);
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int INDEX = SIZE > 1 ? $clog2(SIZE) : 1;
  localparam int ADDRESS = INDEX + (ROWS > 1 ? ROW_BITS : 0);
  localparam int DEPTH = 1 << ADDRESS;

  logic [ROW_BITS-1:0] row;
  logic advance;
  wire issue = advance && in_valid;
  assign in_ready = advance;
  isobit_pipeline #(.LATENCY(2)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) row <= '0;
    else if (issue) row <= row == ROW_BITS'(ROWS - 1) ? '0 : row + 1'b1;
  end

  for (genvar pe = 0; pe < PE; pe++) begin : g_pe
    localparam int L = pe % LANES;
    localparam logic [7:0] TENS = 8'd48 + 8'(L / 10), ONES = 8'd48 + 8'(L % 10);
    wire signed [IN_T:0] acc = {IN_T_SIGNED & in_data[pe*IN_T+IN_T-1], in_data[pe*IN_T+:IN_T]};
    logic [ADDRESS-1:0] place;
    always_ff @(posedge clk) begin
      if (advance) place <= ADDRESS'({row, INDEX'(33'(acc) - 33'(LO))});
    end
    isobit_rom #(.WIDTH(OUT_T), .DEPTH(DEPTH), .STYLE(TABLE_STYLE), .FILE({TABLE_FILE, TENS, ONES, ".hex"})) rom (
        .clk, .enable(advance), .address(place), .word(out_data[pe*OUT_T+:OUT_T]));
  end
  wire unused = &{1'b0, FOLDS[0], OUT_T_SIGNED};
endmodule
