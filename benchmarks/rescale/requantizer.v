// What one lane of templates/hls/isobit/multiply_shift.hpp and thresholds.hpp becomes, at initiation interval 1. Written for open synthesis: the generated designs are HLS sources, this is their equivalent.

// y = clamp((m * acc + c) >> K, 0, 2^OUT - 1). M_CONST = 0: m and c come from a constant memory, one pair per channel;
// otherwise they are the constants of the whole tensor.
module multiply_shift #(
    parameter ACC = 24, parameter M = 8, parameter OUT = 8, parameter K = ACC + M - OUT - 1,
    parameter [31:0] M_CONST = 0, parameter [63:0] C_CONST = 0
) (
    input clk,
    input signed [ACC-1:0] acc,
    input [M-1:0] m,
    input signed [ACC+M-1:0] c,
    output reg [OUT-1:0] y
);
  reg signed [ACC-1:0] acc_r;
  reg [M-1:0] m_r;
  reg signed [ACC+M-1:0] c_r, c_rr;
  reg signed [ACC+M:0] product;
  wire signed [ACC+M:0] sum = product + (M_CONST != 0 ? $signed(C_CONST[ACC+M-1:0]) : c_rr);
  wire signed [ACC+M-K:0] shifted = sum >>> K;
  always @(posedge clk) begin
    acc_r <= acc;
    m_r <= m;
    c_r <= c;
    c_rr <= c_r;
    product <= acc_r * $signed({1'b0, M_CONST != 0 ? M_CONST[M-1:0] : m_r});
    y <= shifted < 0 ? {OUT{1'b0}} : shifted > (1 << OUT) - 1 ? {OUT{1'b1}} : shifted[OUT-1:0];
  end
endmodule

// y = the number of cuts that acc reaches, by bisection: one comparison a stage, with what that stage's memory of cuts has
// at the count so far. The memories themselves are outside: they are priced as memories.
module thresholds #(parameter ACC = 24, parameter OUT = 2) (
    input clk,
    input signed [ACC-1:0] acc,
    input [OUT*ACC-1:0] cuts,
    output [OUT*OUT-1:0] counts,
    output [OUT-1:0] y
);
  genvar s;
  generate
    for (s = 0; s < OUT; s = s + 1) begin : stage
      reg signed [ACC-1:0] value;
      reg [OUT-1:0] count;
      if (s == 0) begin
        always @(posedge clk) value <= acc;
        always @* count = 0;
      end else begin
        always @(posedge clk) begin
          value <= stage[s-1].value;
          count <= stage[s-1].next;
        end
      end
      wire above = value >= $signed(cuts[s*ACC +: ACC]);
      wire [OUT-1:0] next = count | (above << (OUT - 1 - s));
      assign counts[s*OUT +: OUT] = count;
    end
  endgenerate
  reg [OUT-1:0] reached;
  always @(posedge clk) reached <= stage[OUT-1].next;
  assign y = reached;
endmodule
