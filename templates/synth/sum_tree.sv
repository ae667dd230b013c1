// The sum of N signed numbers: BY at a time, level by level, as the units add. A proof that adds in another order is longer.
module sum_tree #(
    parameter int N = 1,
    parameter int W = 8,
    parameter int BY = 2
) (
    input  logic signed [N-1:0][W-1:0] terms,
    output logic signed [W-1:0]        total
);
  localparam int K = (N + BY - 1) / BY;
  if (N == 1) begin : g_one
    assign total = terms[0];
  end else begin : g_more
    logic signed [K-1:0][W-1:0] sums;
    always_comb begin
      for (int k = 0; k < K; k++) begin
        sums[k] = terms[BY*k];
        for (int i = BY * k + 1; i < BY * k + BY && i < N; i++) sums[k] = sums[k] + terms[i];
      end
    end
    sum_tree #(.N(K), .W(W), .BY(BY)) rest (.terms(sums), .total);
  end
endmodule
