// The last stage of a requantizer: PE sums of WIDTH bits become elements of OUT_T bits, with CLAMP no less than LO and no
// more than HI; without it every sum fits. One clock.
module isobit_clamp #(
    parameter int PE = 8,
    parameter int WIDTH = 26,
    parameter int OUT_T = 8,
    parameter logic signed [63:0] LO = 64'sd0,
    parameter logic signed [63:0] HI = 64'sd255,
    parameter bit CLAMP = 1
) (
    input  logic                    clk,
    input  logic                    enable,
    input  logic signed [WIDTH-1:0] value[PE],
    output logic [    PE*OUT_T-1:0] out_data
);
  localparam int LIMIT = OUT_T > 32 ? OUT_T + 1 : 33;
  localparam int WIDE = WIDTH > LIMIT ? WIDTH : LIMIT;  // holds a value and both limits
  localparam logic signed [OUT_T:0] LEAST = (OUT_T + 1)'(LO);
  localparam logic signed [OUT_T:0] MOST = (OUT_T + 1)'(HI);
  always_ff @(posedge clk) begin
    if (enable) begin
      for (int pe = 0; pe < PE; pe++) begin
        if (CLAMP && WIDE'(value[pe]) < WIDE'(LO)) out_data[pe*OUT_T+:OUT_T] <= LEAST[OUT_T-1:0];
        else if (CLAMP && WIDE'(value[pe]) > WIDE'(HI)) out_data[pe*OUT_T+:OUT_T] <= MOST[OUT_T-1:0];
        else out_data[pe*OUT_T+:OUT_T] <= OUT_T'(value[pe]);
      end
    end
  end
  wire unused = &{1'b0, LEAST, MOST};
endmodule
