// COUNT sums of N terms of WIDTH bits each, as signed numbers of TOTAL bits: three terms are added at every level, with a
// register behind it. Where they have one or two bits, each bit of their sum is a function of at most six bits, a LUT.
module isobit_counts #(
    parameter int COUNT  = 1,
    parameter int N      = 4,
    parameter int WIDTH  = 1,
    parameter bit SIGNED = 0,
    parameter int TOTAL  = 4
) (
    input  logic                     clk,
    input  logic                     enable,
    input  logic [COUNT*N*WIDTH-1:0] terms,
    output logic [  COUNT*TOTAL-1:0] totals
);
  // Behind so many levels: terms left of a sum, and bits of each.
  function automatic int left(input int levels);
    left = N;
    for (int l = 0; l < levels; l++) left = (left + 2) / 3;
  endfunction
  function automatic int levels_of();
    levels_of = 0;
    while (left(levels_of) > 1) levels_of = levels_of + 1;
  endfunction
  function automatic int bits(input int levels);
    int count = 1;
    for (int l = 0; l < levels; l++) count = 3 * count < N ? 3 * count : N;
    bits = SIGNED ? WIDTH + $clog2(count) : $clog2(((1 << WIDTH) - 1) * count + 1);
  endfunction
  // Three numbers of two bits, as gates.
  function automatic logic [3:0] three(input logic [1:0] a, input logic [1:0] b, input logic [1:0] c);
    logic [1:0] ones = a ^ b ^ c;
    logic [1:0] twos = a & b | a & c | b & c;
    logic carry = ones[1] & twos[0];
    return {twos[1] & carry, twos[1] ^ carry, ones[1] ^ twos[0], ones[0]};
  endfunction
  localparam int LEVELS = levels_of();

  for (genvar l = 0; l <= LEVELS; l++) begin : g_level
    localparam int K = left(l);
    localparam int W = bits(l);
    logic [COUNT*K*W-1:0] sums;
    if (l == 0) begin : g_terms
      assign sums = terms;
    end else begin : g_sums
      localparam int J = left(l - 1);
      localparam int V = bits(l - 1);
      function automatic logic [W-1:0] term(input int c, input int i);
        logic [V-1:0] value = g_level[l-1].sums[(c*J+(i<J?i:0))*V+:V];
        return i < J ? {{(W - V) {SIGNED & value[V-1]}}, value} : '0;
      endfunction
      always_ff @(posedge clk) begin
        if (enable) begin
          for (int c = 0; c < COUNT; c++) begin
            for (int k = 0; k < K; k++) begin
              sums[(c*K+k)*W+:W] <= !SIGNED && V <= 2 ?
                  W'(three(2'(term(c, 3 * k)), 2'(term(c, 3 * k + 1)), 2'(term(c, 3 * k + 2)))) :
                  term(c, 3 * k) + term(c, 3 * k + 1) + term(c, 3 * k + 2);
            end
          end
        end
      end
    end
  end
  localparam int LAST = bits(LEVELS);
  always_comb begin
    for (int c = 0; c < COUNT; c++) begin
      totals[c*TOTAL+:TOTAL] = {{(TOTAL - LAST) {SIGNED & g_level[LEVELS].sums[c*LAST+LAST-1]}},
                                g_level[LEVELS].sums[c*LAST+:LAST]};
    end
  end
  if (LEVELS == 0) begin : g_no_register
    wire unused = &{1'b0, clk, enable};
  end
endmodule
