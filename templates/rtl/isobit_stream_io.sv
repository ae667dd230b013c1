// The accelerator's edges: AXI-stream words to element words, and back.
//
// A frame is FRAME elements, LANES to an AXI word, the first in the lowest bits, each sign- or zero-extended to a
// container of ELEM bits; an input's slack counts as elements. Schedule: a word in and out in each iteration.

// Reads frames. TLAST of a frame's final word goes to `last`, to travel around the network to isobit_write_frame.
module isobit_read_frame #(
    parameter int FRAME = 16,
    parameter int LANES = 4,
    parameter int ELEM = 8,
    parameter int WORD = 32,
    parameter int ELEM_T = 8,
    parameter bit ELEM_T_SIGNED = 1
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [WORD-1:0]         in_data,
    input  logic                    in_last,
    input  logic                    in_valid,
    output logic                    in_ready,
    output logic [LANES*ELEM_T-1:0] out_data,
    output logic                    out_valid,
    input  logic                    out_ready,
    output logic                    last_data,
    output logic                    last_valid,
    input  logic                    last_ready
);
  localparam int WORDS = FRAME / LANES;
  localparam int COUNT = WORDS > 1 ? $clog2(WORDS) : 1;
  logic [COUNT-1:0] count;
  wire ends = count == COUNT'(WORDS - 1);
  assign in_ready   = out_ready && (!ends || last_ready);
  assign out_valid  = in_valid && (!ends || last_ready);
  assign last_valid = in_valid && ends && out_ready;
  assign last_data  = in_last;
  for (genvar l = 0; l < LANES; l++) begin : g_lane
    assign out_data[l*ELEM_T+:ELEM_T] = in_data[l*ELEM+:ELEM_T];
  end
  always_ff @(posedge clk) begin
    if (rst) count <= '0;
    else if (in_valid && in_ready) count <= ends ? '0 : count + 1'b1;
  end
  wire unused = &{1'b0, in_data, ELEM_T_SIGNED};
endmodule

// Reads frames of a further input. Its TLAST is not looked at: the first input's says where a batch ends.
module isobit_read_further_frame #(
    parameter int FRAME = 16,
    parameter int LANES = 4,
    parameter int ELEM = 8,
    parameter int WORD = 32,
    parameter int ELEM_T = 8,
    parameter bit ELEM_T_SIGNED = 1
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [WORD-1:0]         in_data,
    input  logic                    in_last,
    input  logic                    in_valid,
    output logic                    in_ready,
    output logic [LANES*ELEM_T-1:0] out_data,
    output logic                    out_valid,
    input  logic                    out_ready
);
  assign in_ready  = out_ready;
  assign out_valid = in_valid;
  for (genvar l = 0; l < LANES; l++) begin : g_lane
    assign out_data[l*ELEM_T+:ELEM_T] = in_data[l*ELEM+:ELEM_T];
  end
  wire unused = &{1'b0, clk, rst, in_data, in_last, ELEM_T_SIGNED, FRAME[0]};
endmodule

// Hands the flag of every frame to two outputs.
module isobit_fork_flag #(
    parameter int FLAGS = 1
) (
    input  logic clk,
    input  logic rst,
    input  logic in_data,
    input  logic in_valid,
    output logic in_ready,
    output logic out_a_data,
    output logic out_a_valid,
    input  logic out_a_ready,
    output logic out_b_data,
    output logic out_b_valid,
    input  logic out_b_ready
);
  assign in_ready = out_a_ready && out_b_ready;
  assign out_a_valid = in_valid && out_b_ready;
  assign out_b_valid = in_valid && out_a_ready;
  assign out_a_data = in_data;
  assign out_b_data = in_data;
  wire unused = &{1'b0, clk, rst, FLAGS[0]};
endmodule

// Writes frames, whose rows of ROW elements begin words: what a row's last word lacks is written as zeros. TLAST is set on
// a frame's final word exactly if the frame's input ended with TLAST.
module isobit_write_frame #(
    parameter int FRAME = 15,
    parameter int LANES = 4,
    parameter int ELEM = 8,
    parameter int WORD = 32,
    parameter int ROW = 5,
    parameter int ELEM_T = 8,
    parameter bit ELEM_T_SIGNED = 1
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [LANES*ELEM_T-1:0] in_data,
    input  logic                    in_valid,
    output logic                    in_ready,
    input  logic                    last_data,
    input  logic                    last_valid,
    output logic                    last_ready,
    output logic [WORD-1:0]         out_data,
    output logic                    out_last,
    output logic                    out_valid,
    input  logic                    out_ready
);
  localparam int WORDS = (ROW + LANES - 1) / LANES;  // of a row
  localparam int ROWS = FRAME / ROW;
  localparam int FULL = ROW - (WORDS - 1) * LANES;  // elements of a row's last word
  localparam int COUNT = ROWS * WORDS > 1 ? $clog2(ROWS * WORDS) : 1;
  localparam int PLACE = WORDS > 1 ? $clog2(WORDS) : 1;
  logic [COUNT-1:0] count;
  logic [PLACE-1:0] place;  // of a word in its row
  logic advance;
  wire ends = count == COUNT'(ROWS * WORDS - 1);
  wire row_ends = place == PLACE'(WORDS - 1);
  wire issue = advance && in_valid && (!ends || last_valid);  // no sooner: outputs may leave before the frame was read
  assign in_ready   = issue;
  assign last_ready = issue && ends;
  isobit_pipeline #(.LATENCY(1)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) begin
      count <= '0;
      place <= '0;
    end else if (issue) begin
      count <= ends ? '0 : count + 1'b1;
      place <= row_ends ? '0 : place + 1'b1;
    end
    if (advance) begin
      out_last <= ends && last_data;
      for (int l = 0; l < LANES; l++) begin
        out_data[l*ELEM+:ELEM] <= row_ends && l >= FULL ? '0 :
            ELEM'($signed({ELEM_T_SIGNED & in_data[l*ELEM_T+ELEM_T-1], in_data[l*ELEM_T+:ELEM_T]}));
      end
    end
  end
endmodule
