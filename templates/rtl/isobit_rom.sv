// Constants with a registered output: DEPTH words of WIDTH bits from a file of hexadecimal lines, or, where FILE is
// empty, from VALUES (word 0 in the lowest bits). One word is a constant in the logic: no memory and no register.
// STYLE is "auto", "distributed" or "block".
module isobit_rom #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 2,
    parameter     FILE  = "",
    parameter     STYLE = "auto",
    parameter logic [WIDTH*DEPTH-1:0] VALUES = '0,
    localparam int ADDRESS = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic               clk,
    input  logic               enable,
    input  logic [ADDRESS-1:0] address,
    output logic [WIDTH-1:0]   word
);
  if (DEPTH == 1 && FILE == "") begin : g_constant
    assign word = VALUES;
    wire unused = &{1'b0, clk, enable, address};
  end else begin : g_memory
    (* rom_style = STYLE *)logic [WIDTH-1:0] words[DEPTH];
    initial begin
      if (FILE == "") for (int i = 0; i < DEPTH; i++) words[i] = VALUES[i*WIDTH+:WIDTH];
      else $readmemh(FILE, words);
    end
    always_ff @(posedge clk) if (enable) word <= words[address];
  end
endmodule
