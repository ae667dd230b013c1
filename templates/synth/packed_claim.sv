// Sums of packed products: the multipliers of isobit_packed have the operands of their products; the totals of pair ONE are the
// sums of its chains' terms; and whatever the products of its chain AT are, as long as each lies in LEAST..MOST and a
// multiplier's word is both of its own, 2^PACKED apart, the chain's terms are their sums.
//
// The multipliers are cut out: what each gives is any word.
module claim #(
    parameter  int SAMPLES = 1,
    parameter  int PE = 1,
    parameter  int SIMD = 1,
    parameter  int IN_T = 1,
    parameter  bit IN_T_SIGNED = 1,
    parameter  int WEIGHT_T = 1,
    parameter  bit WEIGHT_T_SIGNED = 1,
    parameter  int PACKED = 1,
    parameter  int CHAIN = 1,
    parameter  int ONE = 0,
    parameter  int AT = 0,
    parameter  int LEAST = 0,
    parameter  int MOST = 0,
    localparam int P = IN_T + WEIGHT_T + 1,  // a product
    localparam int W = IN_T + WEIGHT_T + 2 + $clog2(SIMD)
) (
    input  logic                                     clk,
    input  logic        [    SAMPLES*SIMD*IN_T-1:0]  x,
    input  logic        [      PE*SIMD*WEIGHT_T-1:0] weights,
    input  logic signed [1:0][CHAIN-1:0][P-1:0]      products,  // of the chain
    output logic                                     equal
);
  localparam bit BY_WEIGHT = PE * ((SAMPLES + 1) / 2) < SAMPLES * ((PE + 1) / 2);
  localparam int ROW = BY_WEIGHT ? (SAMPLES + 1) / 2 : (PE + 1) / 2;  // pairs with the same weight, or the same input
  localparam int PAIRS = ROW * (BY_WEIGHT ? PE : SAMPLES);
  localparam int CHAINS = (SIMD + CHAIN - 1) / CHAIN;
  logic signed [W-1:0] totals[SAMPLES*PE];
  isobit_packed #(
      .SAMPLES(SAMPLES), .PE(PE), .SIMD(SIMD), .IN_T(IN_T), .IN_T_SIGNED(IN_T_SIGNED), .WEIGHT_T(WEIGHT_T),
      .WEIGHT_T_SIGNED(WEIGHT_T_SIGNED), .PACKED(PACKED), .CHAIN(CHAIN)
  ) unit (.clk, .enable(1'b1), .x, .weights, .totals);

  // The sums that a pair is of; one without a partner is of one.
  function automatic int first(input int pair);
    return BY_WEIGHT ? pair % ROW * 2 * PE + pair / ROW : pair / ROW * PE + pair % ROW * 2;
  endfunction
  function automatic int second(input int pair);
    return first(pair) + (pair % ROW * 2 + 1 >= (BY_WEIGHT ? SAMPLES : PE) ? 0 : BY_WEIGHT ? PE : 1);
  endfunction
  function automatic logic signed [IN_T:0] input_of(input int c, input int s);
    logic [IN_T-1:0] a = x[(c/PE*SIMD+s)*IN_T+:IN_T];
    return {IN_T_SIGNED & a[IN_T-1], a};
  endfunction
  function automatic logic signed [WEIGHT_T:0] weight_of(input int c, input int s);
    logic [WEIGHT_T-1:0] b = weights[(c%PE*SIMD+s)*WEIGHT_T+:WEIGHT_T];
    return {WEIGHT_T_SIGNED & b[WEIGHT_T-1], b};
  endfunction
  logic [PAIRS-1:0][SIMD-1:0] operands;
  for (genvar i = 0; i < PAIRS; i++) begin : g_pair
    localparam int C = first(i), D = second(i);
    for (genvar s = 0; s < SIMD; s++) begin : g_product
      if (BY_WEIGHT) begin : g_samples
        assign operands[i][s] = unit.g_pair[i].g_product[s].low == input_of(C, s) &&
            unit.g_pair[i].g_product[s].high == input_of(D, s) && unit.g_pair[i].g_product[s].shared == weight_of(C, s);
      end else begin : g_outputs
        assign operands[i][s] = unit.g_pair[i].g_product[s].low == weight_of(C, s) &&
            unit.g_pair[i].g_product[s].high == weight_of(D, s) && unit.g_pair[i].g_product[s].shared == input_of(C, s);
      end
    end
  end

  localparam bit BOTH = first(ONE) != second(ONE);
  localparam int FROM = AT * CHAIN, LENGTH = FROM + CHAIN < SIMD ? CHAIN : SIMD - FROM;
  logic [LENGTH-1:0] given;
  for (genvar s = 0; s < LENGTH; s++) begin : g_word
    wire signed [PACKED+P:0] low = (PACKED + P + 1)'($signed(products[0][s]));
    wire signed [PACKED+P:0] high = (PACKED + P + 1)'($signed(products[1][s]));
    assign given[s] = unit.g_pair[ONE].g_product[FROM+s].product == (BOTH ? low + (high <<< PACKED) : low);
  end
  logic [1:0] right, added;
  logic [1:0][LENGTH-1:0] reached;
  for (genvar k = 0; k < 2; k++) begin : g_sum
    localparam int C = k == 0 ? first(ONE) : second(ONE);
    logic signed [CHAINS-1:0][W-1:0] terms;
    logic signed [W-1:0] total;
    logic signed [W-1:0] sums[LENGTH+1];
    assign sums[0] = '0;
    for (genvar s = 0; s < LENGTH; s++) begin : g_term
      wire signed [P-1:0] own = $signed(products[k][s]);
      assign reached[k][s] = own >= P'(LEAST) && own <= P'(MOST);
      assign sums[s+1] = sums[s] + W'(own);
    end
    for (genvar i = 0; i < CHAINS; i++) begin : g_chain
      assign terms[i] = W'(unit.terms[C][i]);
    end
    sum_tree #(.N(CHAINS), .W(W), .BY(2)) of_chains (.terms, .total);
    assign added[k] = totals[C] == total;
    assign right[k] = terms[AT] == sums[LENGTH] || (k == 1 && !BOTH);
  end
  assign equal = &operands && &added && (!(&given && &reached) || &right);
endmodule
