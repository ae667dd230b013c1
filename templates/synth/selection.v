// Yosys finds shift registers with a tap that moves (SRL) where one bit at a time is selected by $shiftx; its reader of
// SystemVerilog writes one $bmux for the whole word.
module \$bmux (A, S, Y);
  parameter WIDTH = 0;
  parameter S_WIDTH = 0;
  input [(WIDTH << S_WIDTH)-1:0] A;
  input [S_WIDTH-1:0] S;
  output [WIDTH-1:0] Y;
  genvar bit, word;
  generate
    for (bit = 0; bit < WIDTH; bit = bit + 1) begin : bits
      wire [(1 << S_WIDTH)-1:0] row;
      for (word = 0; word < 1 << S_WIDTH; word = word + 1) assign row[word] = A[word * WIDTH + bit];
      \$shiftx #(.A_SIGNED(0), .B_SIGNED(0), .A_WIDTH(1 << S_WIDTH), .B_WIDTH(S_WIDTH), .Y_WIDTH(1)) tap (
          .A(row), .B(S), .Y(Y[bit]));
    end
  endgenerate
endmodule
