// Sum of two streams with integer coefficients: y = ka[c] * a + kb[c] * b.
//
// Coefficients are per channel or per tensor, laid out as in isobit_multiply_shift. Where one side's rows are all alike, as of
// a side with one coefficient beside one with many, they are constants of the logic and no memory.
// Schedule: FOLDS iterations a frame, a word in from either side and out in each. Pipeline: fetch, multiply, add.
module isobit_add #(
    parameter int CHANNELS = 64,
    parameter int PE = 8,
    parameter int FOLDS = 8,
    parameter int A_T = 8,
    parameter bit A_T_SIGNED = 1,
    parameter int B_T = 8,
    parameter bit B_T_SIGNED = 1,
    parameter int KA_T = 6,
    parameter bit KA_T_SIGNED = 1,
    parameter int KB_T = 6,
    parameter bit KB_T_SIGNED = 1,
    parameter int OUT_T = 15,
    parameter bit OUT_T_SIGNED = 1,
    localparam int LANES = PE < CHANNELS ? PE : CHANNELS,
    localparam int ROWS = CHANNELS / LANES,
    parameter USE_DSP = "auto",
    parameter KA_STYLE = "auto",
    parameter KB_STYLE = "auto",
    parameter logic [CHANNELS*KA_T-1:0] KA = '0,
    parameter logic [CHANNELS*KB_T-1:0] KB = '0
) (
    input  logic                clk,
    input  logic                rst,
    input  logic [  PE*A_T-1:0] in_a_data,
    input  logic                in_a_valid,
    output logic                in_a_ready,
    input  logic [  PE*B_T-1:0] in_b_data,
    input  logic                in_b_valid,
    output logic                in_b_ready,
    output logic [PE*OUT_T-1:0] out_data,
    output logic                out_valid,
    input  logic                out_ready
);
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  logic [ROW_BITS-1:0] row;
  logic advance;
  wire issue = advance && in_a_valid && in_b_valid;
  assign in_a_ready = issue;
  assign in_b_ready = issue;
  isobit_pipeline #(.LATENCY(3)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) row <= '0;
    else if (issue) row <= row == ROW_BITS'(ROWS - 1) ? '0 : row + 1'b1;
  end

  logic [PE*A_T-1:0] a;
  logic [PE*B_T-1:0] b;
  logic [LANES*KA_T-1:0] ka;
  logic [LANES*KB_T-1:0] kb;
  localparam int KA_ROWS = KA == {ROWS{KA[LANES*KA_T-1:0]}} ? 1 : ROWS;
  localparam int KB_ROWS = KB == {ROWS{KB[LANES*KB_T-1:0]}} ? 1 : ROWS;
  localparam int KA_BITS = KA_ROWS > 1 ? ROW_BITS : 1;
  localparam int KB_BITS = KB_ROWS > 1 ? ROW_BITS : 1;
  isobit_rom #(.WIDTH(LANES * KA_T), .DEPTH(KA_ROWS), .STYLE(KA_STYLE), .VALUES(KA[KA_ROWS*LANES*KA_T-1:0])) ka_rom (
      .clk, .enable(advance), .address(row[KA_BITS-1:0]), .word(ka));
  isobit_rom #(.WIDTH(LANES * KB_T), .DEPTH(KB_ROWS), .STYLE(KB_STYLE), .VALUES(KB[KB_ROWS*LANES*KB_T-1:0])) kb_rom (
      .clk, .enable(advance), .address(row[KB_BITS-1:0]), .word(kb));
  always_ff @(posedge clk) begin
    if (advance) begin
      a <= in_a_data;
      b <= in_b_data;
    end
  end

  (* use_dsp = USE_DSP *)logic signed [A_T+KA_T+1:0] of_a[PE];
  (* use_dsp = USE_DSP *)logic signed [B_T+KB_T+1:0] of_b[PE];
  function automatic logic signed [A_T:0] first(input int pe);
    return {A_T_SIGNED & a[pe*A_T+A_T-1], a[pe*A_T+:A_T]};
  endfunction
  function automatic logic signed [B_T:0] second(input int pe);
    return {B_T_SIGNED & b[pe*B_T+B_T-1], b[pe*B_T+:B_T]};
  endfunction
  function automatic logic signed [KA_T:0] factor_a(input int l);
    return {KA_T_SIGNED & ka[l*KA_T+KA_T-1], ka[l*KA_T+:KA_T]};
  endfunction
  function automatic logic signed [KB_T:0] factor_b(input int l);
    return {KB_T_SIGNED & kb[l*KB_T+KB_T-1], kb[l*KB_T+:KB_T]};
  endfunction
  always_ff @(posedge clk) begin
    if (advance) begin
      for (int pe = 0; pe < PE; pe++) begin
        of_a[pe] <= first(pe) * factor_a(pe % LANES);
        of_b[pe] <= second(pe) * factor_b(pe % LANES);
        out_data[pe*OUT_T+:OUT_T] <= OUT_T'(of_a[pe]) + OUT_T'(of_b[pe]);
      end
    end
  end
  wire unused = &{1'b0, FOLDS[0], OUT_T_SIGNED};
endmodule
