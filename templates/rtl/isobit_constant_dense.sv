// Matrix times vector where all weights are constants of the logic: y = W x as additions, each sum that is shared made once.
//
// Node n is input n, and node IN + n the sum of the nodes {a, b} of ADDS: with {shift, sign, bits, depth} of FORMS,
// (a << -shift) + sign * b where shift < 0, else a + sign * (b << shift), in so many bits. Output o is sign * (node <<
// shift) of the {node, shift, sign} of TAPS.
// Schedule: VECTORS iterations a frame, a word in and out in each. Pipeline: the input, DEPTH adders, the output; a node
// that is read later than in the next clock is handed on from register to register.
module isobit_constant_dense #(
    parameter int IN = 16,
    parameter int OUT = 64,
    parameter int VECTORS = 1,
    parameter int ADDERS = 1,
    parameter int DEPTH = 1,
    parameter int IN_T = 8,
    parameter bit IN_T_SIGNED = 1,
    parameter int SUM_T = 20,
    parameter bit SUM_T_SIGNED = 1,
    parameter int ACC_T = 16,
    parameter bit ACC_T_SIGNED = 1,
    parameter int NODE_T = 8,
    parameter bit NODE_T_SIGNED = 0,
    parameter int FORM_T = 8,
    parameter bit FORM_T_SIGNED = 1,
    parameter int TAP_T = 8,
    parameter bit TAP_T_SIGNED = 1,
    parameter logic [ADDERS*2*NODE_T-1:0] ADDS = '0,
    parameter logic [ADDERS*4*FORM_T-1:0] FORMS = '0,
    parameter logic [OUT*3*TAP_T-1:0] TAPS = '0
) (
    input  logic                 clk,
    input  logic                 rst,
    input  logic [  IN*IN_T-1:0] in_data,
    input  logic                 in_valid,
    output logic                 in_ready,
    output logic [OUT*ACC_T-1:0] out_data,
    output logic                 out_valid,
    input  logic                 out_ready
);
  // Column of a row of each table, as a number.
  function automatic int node(input int row, input int column);
    node = int'(ADDS[(row*2+column)*NODE_T+:NODE_T]);
  endfunction
  function automatic int form(input int row, input int column);
    logic [FORM_T-1:0] value = FORMS[(row*4+column)*FORM_T+:FORM_T];
    form = int'($signed({FORM_T_SIGNED & value[FORM_T-1], value}));
  endfunction
  function automatic int tap(input int row, input int column);
    logic [TAP_T-1:0] value = TAPS[(row*3+column)*TAP_T+:TAP_T];
    tap = int'($signed({TAP_T_SIGNED & value[TAP_T-1], value}));
  endfunction

  logic advance;
  wire issue = advance && in_valid;
  assign in_ready = advance;
  isobit_pipeline #(.LATENCY(DEPTH + 2)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);

  for (genvar n = 0; n < IN + ADDERS; n++) begin : g_node
    localparam int ROW = n < IN ? 0 : n - IN;
    localparam int BITS = n < IN ? IN_T + 1 : form(ROW, 2);
    localparam int FIRST = n < IN ? 0 : form(ROW, 3);
    logic signed [BITS-1:0] stage[FIRST:DEPTH];  // the node behind so many adders
    logic signed [BITS-1:0] made;
    if (n < IN) begin : g_input
      assign made = {IN_T_SIGNED & in_data[n*IN_T+IN_T-1], in_data[n*IN_T+:IN_T]};
    end else begin : g_adder
      localparam int SHIFT = form(ROW, 0);
      localparam int A = node(ROW, 0);
      localparam int B = node(ROW, 1);
      wire signed [BITS-1:0] a = BITS'(g_node[A].stage[FIRST-1]) <<< (SHIFT < 0 ? -SHIFT : 0);
      wire signed [BITS-1:0] b = BITS'(g_node[B].stage[FIRST-1]) <<< (SHIFT > 0 ? SHIFT : 0);
      assign made = form(ROW, 1) > 0 ? a + b : a - b;
    end
    always_ff @(posedge clk) begin
      if (advance) begin
        stage[FIRST] <= made;
        for (int d = FIRST + 1; d <= DEPTH; d++) stage[d] <= stage[d-1];
      end
    end
  end

  for (genvar o = 0; o < OUT; o++) begin : g_output
    localparam int SIGN = tap(o, 2);
    wire signed [SUM_T-1:0] sum = SUM_T'(g_node[tap(o, 0)].stage[DEPTH]) <<< tap(o, 1);
    logic [ACC_T-1:0] y;
    always_ff @(posedge clk) if (advance) y <= SIGN == 0 ? '0 : SIGN > 0 ? ACC_T'(sum) : ACC_T'(-sum);
    assign out_data[o*ACC_T+:ACC_T] = y;
  end
  wire unused = &{1'b0, VECTORS[0], SUM_T_SIGNED, ACC_T_SIGNED, NODE_T_SIGNED};
endmodule
