// A sum of inputs with weights of -1 and 1: total ONE of isobit_bipolar is twice the sum of what its weights select less the
// sum of all, and of each input that is the input with its sign.
module claim #(
    parameter  int SAMPLES = 1,
    parameter  int PE = 1,
    parameter  int SIMD = 1,
    parameter  int IN_T = 1,
    parameter  bit IN_T_SIGNED = 0,
    parameter  int ONE = 0,
    localparam int W = IN_T + $clog2(SIMD) + 3
) (
    input  logic                         clk,
    input  logic [SAMPLES*SIMD*IN_T-1:0] x,
    input  logic [          PE*SIMD-1:0] weights,
    output logic                         equal
);
  logic signed [W-1:0] totals[SAMPLES*PE];
  isobit_bipolar #(.SAMPLES(SAMPLES), .PE(PE), .SIMD(SIMD), .IN_T(IN_T), .IN_T_SIGNED(IN_T_SIGNED)) unit (
      .clk, .enable(1'b1), .x, .weights, .totals);
  logic signed [SIMD-1:0][W-1:0] all, selected;
  logic signed [W-1:0] whole, part;
  logic [SIMD-1:0] signs;
  for (genvar s = 0; s < SIMD; s++) begin : g_term
    wire [IN_T-1:0] a = x[(ONE/PE*SIMD+s)*IN_T+:IN_T];
    wire plus = weights[ONE%PE*SIMD+s];
    assign all[s] = W'($signed({IN_T_SIGNED & a[IN_T-1], a}));
    assign selected[s] = plus ? all[s] : '0;
    assign signs[s] = W'(2 * selected[s] - all[s]) == W'(plus ? all[s] : -all[s]);
  end
  sum_tree #(.N(SIMD), .W(W), .BY(3)) of_all (.terms(all), .total(whole));
  sum_tree #(.N(SIMD), .W(W), .BY(3)) of_selected (.terms(selected), .total(part));
  assign equal = totals[ONE] == W'(2 * part - whole) && &signs;
endmodule
