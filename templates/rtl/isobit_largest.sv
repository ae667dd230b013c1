// The largest of N signed values, each with a number; of equal ones the earlier. A tree of comparisons with a register
// behind every level, $clog2(N) clocks.
module isobit_largest #(
    parameter int N = 2,
    parameter int WIDTH = 8,
    parameter int INDEX = 1
) (
    input  logic                    clk,
    input  logic                    enable,
    input  logic [     N*WIDTH-1:0] values,
    input  logic [     N*INDEX-1:0] numbers,
    output logic signed [WIDTH-1:0] value,
    output logic        [INDEX-1:0] number
);
  if (N == 1) begin : g_one
    assign value  = values;
    assign number = numbers;
    wire unused = &{1'b0, clk, enable};
  end else begin : g_pairs
    localparam int HALF = (N + 1) / 2;
    logic [HALF*WIDTH-1:0] larger;
    logic [HALF*INDEX-1:0] its_number;
    for (genvar i = 0; i < HALF; i++) begin : g_pair
      localparam int A = 2 * i, B = 2 * i + 1 < N ? 2 * i + 1 : 2 * i;
      wire second = $signed(values[B*WIDTH+:WIDTH]) > $signed(values[A*WIDTH+:WIDTH]);
      always_ff @(posedge clk) begin
        if (enable) begin
          larger[i*WIDTH+:WIDTH] <= second ? values[B*WIDTH+:WIDTH] : values[A*WIDTH+:WIDTH];
          its_number[i*INDEX+:INDEX] <= second ? numbers[B*INDEX+:INDEX] : numbers[A*INDEX+:INDEX];
        end
      end
    end
    isobit_largest #(.N(HALF), .WIDTH(WIDTH), .INDEX(INDEX)) rest (
        .clk, .enable, .values(larger), .numbers(its_number), .value, .number);
  end
endmodule
