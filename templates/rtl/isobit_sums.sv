// COUNT sums of N signed terms of WIDTH bits each: trees of adders with a register behind every level, $clog2(N) clocks.
module isobit_sums #(
    parameter  int COUNT  = 1,
    parameter  int N      = 2,
    parameter  int WIDTH  = 8,
    localparam int LEVELS = $clog2(N),
    localparam int TOTAL  = WIDTH + LEVELS
) (
    input  logic                    clk,
    input  logic                    enable,
    input  logic signed [WIDTH-1:0] terms [COUNT][N],
    output logic signed [TOTAL-1:0] totals[COUNT]
);
  if (LEVELS == 0) begin : g_none
    always_comb for (int c = 0; c < COUNT; c++) totals[c] = terms[c][0];
    wire unused = &{1'b0, clk, enable};
  end else begin : g_tree
    // Behind level l every sum has (N + 2^l - 1) / 2^l terms left.
    logic signed [TOTAL-1:0] level[LEVELS][COUNT][(N+1)/2];
    always_ff @(posedge clk) begin
      if (enable) begin
        for (int c = 0; c < COUNT; c++) begin
          for (int i = 0; i < (N + 1) / 2; i++) begin
            level[0][c][i] <= TOTAL'(terms[c][2*i]) + (2 * i + 1 < N ? TOTAL'(terms[c][2*i+1<N?2*i+1:0]) : '0);
          end
          for (int l = 1; l < LEVELS; l++) begin
            for (int i = 0; i < (N + (2 << l) - 1) >> (l + 1); i++) begin
              level[l][c][i] <= level[l-1][c][2*i] +
                  (2 * i + 1 < (N + (1 << l) - 1) >> l ? level[l-1][c][2*i+1] : '0);
            end
          end
        end
      end
    end
    always_comb for (int c = 0; c < COUNT; c++) totals[c] = level[LEVELS-1][c][0];
  end
endmodule
