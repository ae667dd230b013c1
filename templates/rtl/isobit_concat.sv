// Two frames joined along the channels: at every position the words of a, then those of b.
// Schedule: POSITIONS * (A_WORDS + B_WORDS) iterations a frame; in each a word in from either side and out.
module isobit_concat #(
    parameter int POSITIONS = 64,
    parameter int A_WORDS = 4,
    parameter int B_WORDS = 2,
    parameter int LANES = 8,
    parameter int A_T = 4,
    parameter bit A_T_SIGNED = 0,
    parameter int B_T = 4,
    parameter bit B_T_SIGNED = 1,
    parameter int OUT_T = 5,
    parameter bit OUT_T_SIGNED = 1
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic [  LANES*A_T-1:0] in_a_data,
    input  logic                   in_a_valid,
    output logic                   in_a_ready,
    input  logic [  LANES*B_T-1:0] in_b_data,
    input  logic                   in_b_valid,
    output logic                   in_b_ready,
    output logic [LANES*OUT_T-1:0] out_data,
    output logic                   out_valid,
    input  logic                   out_ready
);
  localparam int WORDS = A_WORDS + B_WORDS;
  localparam int COUNT = WORDS > 1 ? $clog2(WORDS) : 1;
  logic [COUNT-1:0] word;
  logic advance;
  wire from_a = word < COUNT'(A_WORDS);
  wire issue = advance && (from_a ? in_a_valid : in_b_valid);
  assign in_a_ready = advance && from_a;
  assign in_b_ready = advance && !from_a;
  isobit_pipeline #(.LATENCY(1)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) word <= '0;
    else if (issue) word <= word == COUNT'(WORDS - 1) ? '0 : word + 1'b1;
  end
  for (genvar l = 0; l < LANES; l++) begin : g_lane
    wire signed [A_T:0] a = {A_T_SIGNED & in_a_data[l*A_T+A_T-1], in_a_data[l*A_T+:A_T]};
    wire signed [B_T:0] b = {B_T_SIGNED & in_b_data[l*B_T+B_T-1], in_b_data[l*B_T+:B_T]};
    always_ff @(posedge clk) if (advance) out_data[l*OUT_T+:OUT_T] <= from_a ? OUT_T'(a) : OUT_T'(b);
  end
  wire unused = &{1'b0, POSITIONS[0], OUT_T_SIGNED};
endmodule

// The same with SAMPLES positions a word: A channels of each from a, B from b. Schedule: WORDS iterations a frame, a word
// in from either side and out in each.
module isobit_parallel_concat #(
    parameter int WORDS = 16,
    parameter int SAMPLES = 4,
    parameter int A = 8,
    parameter int B = 4,
    parameter int A_T = 4,
    parameter bit A_T_SIGNED = 0,
    parameter int B_T = 4,
    parameter bit B_T_SIGNED = 1,
    parameter int OUT_T = 5,
    parameter bit OUT_T_SIGNED = 1
) (
    input  logic                             clk,
    input  logic                             rst,
    input  logic [        SAMPLES*A*A_T-1:0] in_a_data,
    input  logic                             in_a_valid,
    output logic                             in_a_ready,
    input  logic [        SAMPLES*B*B_T-1:0] in_b_data,
    input  logic                             in_b_valid,
    output logic                             in_b_ready,
    output logic [SAMPLES*(A+B)*OUT_T-1:0] out_data,
    output logic                             out_valid,
    input  logic                             out_ready
);
  logic advance;
  wire issue = advance && in_a_valid && in_b_valid;
  assign in_a_ready = issue;
  assign in_b_ready = issue;
  isobit_pipeline #(.LATENCY(1)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  for (genvar p = 0; p < SAMPLES; p++) begin : g_sample
    for (genvar c = 0; c < A; c++) begin : g_a
      localparam int I = p * A + c, O = p * (A + B) + c;
      wire signed [A_T:0] a = {A_T_SIGNED & in_a_data[I*A_T+A_T-1], in_a_data[I*A_T+:A_T]};
      always_ff @(posedge clk) if (advance) out_data[O*OUT_T+:OUT_T] <= OUT_T'(a);
    end
    for (genvar c = 0; c < B; c++) begin : g_b
      localparam int I = p * B + c, O = p * (A + B) + A + c;
      wire signed [B_T:0] b = {B_T_SIGNED & in_b_data[I*B_T+B_T-1], in_b_data[I*B_T+:B_T]};
      always_ff @(posedge clk) if (advance) out_data[O*OUT_T+:OUT_T] <= OUT_T'(b);
    end
  end
  wire unused = &{1'b0, WORDS[0], OUT_T_SIGNED};
endmodule
