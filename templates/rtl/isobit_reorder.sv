// Any fixed rearrangement or selection of a frame's words: out[i] = in[index[i]].
//
// Holds a whole frame. Schedule: IN_WORDS + OUT_WORDS iterations a frame; all words in, then all words out.
// Pipeline: index, word.
module isobit_reorder #(
    parameter int IN_WORDS = 64,
    parameter int OUT_WORDS = 64,
    parameter int LANES = 1,
    parameter int ELEM_T = 8,
    parameter bit ELEM_T_SIGNED = 1,
    parameter int INDEX_T = 6,
    parameter bit INDEX_T_SIGNED = 0,
    parameter FRAME_MEMORY = "auto",
    parameter INDEX_FILE = "",
    parameter INDEX_STYLE = "auto",
    parameter logic [OUT_WORDS*INDEX_T-1:0] INDEX = '0
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
  localparam int MOST = IN_WORDS > OUT_WORDS ? IN_WORDS : OUT_WORDS;
  localparam int COUNT = MOST > 1 ? $clog2(MOST) : 1;
  localparam int PLACE = IN_WORDS > 1 ? $clog2(IN_WORDS) : 1;
  localparam int NUMBER = OUT_WORDS > 1 ? $clog2(OUT_WORDS) : 1;
  logic [COUNT-1:0] count;
  logic leaves;  // the frame is whole and goes out
  logic advance;
  wire issue = advance && (leaves || in_valid);
  wire ends = count == (leaves ? COUNT'(OUT_WORDS - 1) : COUNT'(IN_WORDS - 1));
  assign in_ready = advance && !leaves;
  isobit_pipeline #(.LATENCY(2)) pipeline (.clk, .rst, .writes(issue && leaves), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) begin
      count  <= '0;
      leaves <= 1'b0;
    end else if (issue) begin
      count <= ends ? '0 : count + 1'b1;
      if (ends) leaves <= !leaves;
    end
  end

  (* ram_style = FRAME_MEMORY *)logic [LANES*ELEM_T-1:0] frame[IN_WORDS];
  logic [LANES*ELEM_T-1:0] entering;
  logic [PLACE-1:0] place;
  logic enters;
  logic [INDEX_T-1:0] index;
  isobit_rom #(.WIDTH(INDEX_T), .DEPTH(OUT_WORDS), .FILE(INDEX_FILE), .STYLE(INDEX_STYLE), .VALUES(INDEX)) rom (
      .clk, .enable(advance), .address(NUMBER'(count)), .word(index));
  always_ff @(posedge clk) begin
    if (rst) enters <= 1'b0;
    else if (advance) enters <= issue && !leaves;
    if (advance) begin
      entering <= in_data;
      place <= PLACE'(count);
      out_data <= frame[PLACE'(index)];
    end
  end
  always_ff @(posedge clk) if (advance && enters) frame[place] <= entering;
  wire unused = &{1'b0, ELEM_T_SIGNED, INDEX_T_SIGNED};
endmodule
