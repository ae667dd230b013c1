// Duplicates a stream. Schedule: WORDS iterations a frame, a word in and out on both sides in each.
module isobit_fork #(
    parameter int WORDS = 8,
    parameter int LANES = 4,
    parameter int ELEM_T = 8,
    parameter bit ELEM_T_SIGNED = 1
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [LANES*ELEM_T-1:0] in_data,
    input  logic                    in_valid,
    output logic                    in_ready,
    output logic [LANES*ELEM_T-1:0] out_a_data,
    output logic                    out_a_valid,
    input  logic                    out_a_ready,
    output logic [LANES*ELEM_T-1:0] out_b_data,
    output logic                    out_b_valid,
    input  logic                    out_b_ready
);
  assign in_ready = out_a_ready && out_b_ready;
  assign out_a_valid = in_valid && out_b_ready;
  assign out_b_valid = in_valid && out_a_ready;
  assign out_a_data = in_data;
  assign out_b_data = in_data;
  wire unused = &{1'b0, clk, rst, ELEM_T_SIGNED, WORDS[0]};
endmodule
