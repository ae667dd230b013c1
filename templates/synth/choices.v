// An adder behind a choice. Yosys orders the operands of an adder as it likes, but only the second one's choice goes into the
// LUTs of the sum: the first is read by the carry chain too, so that its choice takes a LUT for every bit.
module \$__add_choice (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
  parameter _TECHMAP_CONSTMSK_BI_ = 0, _TECHMAP_CONSTVAL_BI_ = 0;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  generate
    if (_TECHMAP_CONSTMSK_BI_ && !_TECHMAP_CONSTVAL_BI_) begin : sum
      \$alu #(.A_SIGNED(B_SIGNED), .B_SIGNED(A_SIGNED), .A_WIDTH(B_WIDTH), .B_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) swapped (
          .A(B), .B(A), .CI(CI), .BI(1'b0), .X(X), .Y(Y), .CO(CO));
    end else begin : difference
      \$alu #(.A_SIGNED(A_SIGNED), .B_SIGNED(B_SIGNED), .A_WIDTH(A_WIDTH), .B_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) as_it_is (
          .A(A), .B(B), .CI(CI), .BI(BI), .X(X), .Y(Y), .CO(CO));
    end
  endgenerate
endmodule
