// Yosys packs registers, sums and chains into a DSP48E1 alone. A multiplier of UltraScale+ is one of 27 bits until it has: what
// is packed is alike in both.
module \$__MUL27X18 (A, B, Y);
  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 0, B_WIDTH = 0, Y_WIDTH = 0;
  input [26:0] A;
  input [17:0] B;
  output [44:0] Y;
  wire [47:0] p;
  DSP48E1 #(
      .AREG(0), .BREG(0), .CREG(0), .DREG(0), .ADREG(0), .MREG(0), .PREG(0), .ACASCREG(0), .BCASCREG(0), .ALUMODEREG(0),
      .INMODEREG(0), .OPMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .A_INPUT("DIRECT"), .B_INPUT("DIRECT"),
      .USE_MULT("MULTIPLY"), .USE_SIMD("ONE48"), .USE_DPORT("FALSE")
  ) _TECHMAP_REPLACE_ (
      .A({{3{A[26]}}, A}), .B(B), .C(48'b0), .D(25'b0), .P(p), .ACIN(30'b0), .BCIN(18'b0), .PCIN(48'b0), .CARRYIN(1'b0),
      .CARRYINSEL(3'b0), .INMODE(5'b0), .ALUMODE(4'b0), .OPMODE(7'b0000101));
  assign Y = p[44:0];
endmodule
