// What the requantizers have in common: m[c] * acc + offset[c] for PE elements, three clocks after their word issued.
//
// Element pe of word i is of channel (i * PE + pe) mod CHANNELS; constants lie row by row, LANES = min(PE, CHANNELS) a row.
// PRODUCT and SUM bits hold every product and every sum as signed numbers (an operand may have more: those of a product depend
// on none above its own); a product of more bits than it has would keep its sum out of the DSP block. `row` is that of the word that issues. Pipeline: fetch, multiply, add: the
// input, product and sum registers of one DSP block.
module isobit_multiply_add #(
    parameter int CHANNELS = 64,
    parameter int PE = 8,
    parameter int IN_T = 16,
    parameter bit IN_T_SIGNED = 1,
    parameter int MULTIPLIER_T = 9,
    parameter bit MULTIPLIER_T_SIGNED = 0,
    parameter int OFFSET_T = 20,
    parameter bit OFFSET_T_SIGNED = 1,
    parameter int PRODUCT = 25,
    parameter int SUM = 26,
    parameter USE_DSP = "auto",
    localparam int LANES = PE < CHANNELS ? PE : CHANNELS,
    localparam int ROWS = CHANNELS / LANES,
    localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1,
    parameter MULTIPLIERS_STYLE = "auto",
    parameter OFFSETS_STYLE = "auto",
    parameter logic [CHANNELS*MULTIPLIER_T-1:0] MULTIPLIERS = '0,
    parameter logic [CHANNELS*OFFSET_T-1:0] OFFSETS = '0
) (
    input  logic                  clk,
    input  logic                  rst,
    input  logic                  issue,
    input  logic                  enable,  // every stage moves on
    input  logic [   PE*IN_T-1:0] in_data,
    output logic [  ROW_BITS-1:0] row,
    output logic signed [SUM-1:0] sum[PE]
);
  if (ROWS == 1) begin : g_one_row
    assign row = '0;
  end else begin : g_rows
    always_ff @(posedge clk) begin
      if (rst) row <= '0;
      else if (issue) row <= row == ROW_BITS'(ROWS - 1) ? '0 : row + 1'b1;
    end
  end

  logic [PE*IN_T-1:0] x;
  logic [LANES*MULTIPLIER_T-1:0] multipliers;
  logic [LANES*OFFSET_T-1:0] offsets;
  isobit_rom #(.WIDTH(LANES * MULTIPLIER_T), .DEPTH(ROWS), .STYLE(MULTIPLIERS_STYLE), .VALUES(MULTIPLIERS)) multiplier_rom (
      .clk, .enable, .address(row), .word(multipliers));
  isobit_rom #(.WIDTH(LANES * OFFSET_T), .DEPTH(ROWS), .STYLE(OFFSETS_STYLE), .VALUES(OFFSETS)) offset_rom (
      .clk, .enable, .address(row), .word(offsets));

  (* use_dsp = USE_DSP *)logic signed [PRODUCT-1:0] product[PE];
  logic signed [OFFSET_T:0] offset[PE];
  function automatic logic signed [IN_T:0] acc(input int pe);
    return {IN_T_SIGNED & x[pe*IN_T+IN_T-1], x[pe*IN_T+:IN_T]};
  endfunction
  function automatic logic signed [MULTIPLIER_T:0] factor(input int l);
    return {MULTIPLIER_T_SIGNED & multipliers[l*MULTIPLIER_T+MULTIPLIER_T-1], multipliers[l*MULTIPLIER_T+:MULTIPLIER_T]};
  endfunction
  function automatic logic signed [OFFSET_T:0] constant(input int l);
    return {OFFSET_T_SIGNED & offsets[l*OFFSET_T+OFFSET_T-1], offsets[l*OFFSET_T+:OFFSET_T]};
  endfunction
  always_ff @(posedge clk) begin
    if (enable) begin
      x <= in_data;
      for (int pe = 0; pe < PE; pe++) begin
        product[pe] <= PRODUCT'(acc(pe)) * PRODUCT'(factor(pe % LANES));
        offset[pe] <= constant(pe % LANES);
        sum[pe] <= SUM'(product[pe]) + SUM'(offset[pe]);
      end
    end
  end
endmodule
