// Maximum of SAMPLES whole windows at once, channel by channel.
//
// A word in is a block (isobit_parallel_window), a word out SAMPLES * CHANNELS maxima.
// Schedule: WORDS iterations a frame, a word in and out in each. Pipeline: fetch, the levels of the tree of comparisons.
module isobit_parallel_max_pool #(
    parameter int SAMPLES = 4,
    parameter int CHANNELS = 8,
    parameter int KH = 2,
    parameter int KW = 2,
    parameter int SW = 2,
    parameter int DW = 1,
    parameter int WORDS = 64,
    parameter int ELEM_T = 4,
    parameter bit ELEM_T_SIGNED = 0,
    localparam int COLUMNS = (SAMPLES - 1) * SW + (KW - 1) * DW + 1,
    localparam int TAPS = KH * KW
) (
    input  logic                                  clk,
    input  logic                                  rst,
    input  logic [KH*COLUMNS*CHANNELS*ELEM_T-1:0] in_data,
    input  logic                                  in_valid,
    output logic                                  in_ready,
    output logic [   SAMPLES*CHANNELS*ELEM_T-1:0] out_data,
    output logic                                  out_valid,
    input  logic                                  out_ready
);
  logic advance;
  wire issue = advance && in_valid;
  assign in_ready = advance;
  isobit_pipeline #(.LATENCY(1 + $clog2(TAPS))) pipeline (
      .clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  logic [KH*COLUMNS*CHANNELS*ELEM_T-1:0] block;
  always_ff @(posedge clk) if (advance) block <= in_data;
  for (genvar p = 0; p < SAMPLES; p++) begin : g_sample
    for (genvar c = 0; c < CHANNELS; c++) begin : g_channel
      logic [TAPS*(ELEM_T+1)-1:0] values;
      logic signed [ELEM_T:0] top;
      logic number;
      for (genvar tap = 0; tap < TAPS; tap++) begin : g_tap
        localparam int FROM = ((tap / KW * COLUMNS + p * SW + tap % KW * DW) * CHANNELS + c) * ELEM_T;
        assign values[tap*(ELEM_T+1)+:ELEM_T+1] = {ELEM_T_SIGNED & block[FROM+ELEM_T-1], block[FROM+:ELEM_T]};
      end
      isobit_largest #(.N(TAPS), .WIDTH(ELEM_T + 1), .INDEX(1)) largest (
          .clk, .enable(advance), .values, .numbers(TAPS'(0)), .value(top), .number);
      assign out_data[(p*CHANNELS+c)*ELEM_T+:ELEM_T] = top[ELEM_T-1:0];
      wire unused = &{1'b0, number, top};
    end
  end
  wire unused = &{1'b0, WORDS[0], block};
endmodule
