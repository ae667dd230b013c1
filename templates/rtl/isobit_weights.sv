// A row of stored weights as integers: as they are, or decoded from tapered codes where CODE bits are given. Every
// weight of the row has one decoder, however many multipliers it serves. Combinational.
module isobit_weights #(
    parameter  int COUNT = 4,
    parameter  int WEIGHT = 4,
    parameter  int CODE = 0,
    parameter  int RUN = 1,
    localparam int STORED = CODE > 0 ? CODE : WEIGHT
) (
    input  logic [COUNT*STORED-1:0] stored,
    output logic [COUNT*WEIGHT-1:0] weights
);
  if (CODE == 0) begin : g_integers
    assign weights = stored;
  end else begin : g_codes
    for (genvar i = 0; i < COUNT; i++) begin : g_each
      localparam int OUT = CODE - 1 + $clog2(RUN + 1);
      logic [OUT-1:0] number;
      isobit_tapered #(.N(CODE), .RUN(RUN)) decoder (.code(stored[i*CODE+:CODE]), .number);
      assign weights[i*WEIGHT+:WEIGHT] = number[WEIGHT-1:0];
    end
  end
endmodule
