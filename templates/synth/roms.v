// A memory of constants in LUTs: 64 words of a bit are one LUT, and one of several is chosen, as in Vivado's distributed
// ROM. Yosys would make gates of it: of hundreds of bits side by side, whose functions share terms, ABC makes three LUTs
// each, of deep ones several times as many. Up to 16 words are left to it: what reads them may take them in.
(* techmap_celltype = "$mem_v2" *)
module isobit_distributed_rom (RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, RD_DATA, WR_CLK, WR_EN, WR_ADDR, WR_DATA);
  parameter MEMID = "";
  parameter SIZE = 1, OFFSET = 0, ABITS = 1, WIDTH = 1, INIT = 0;
  parameter RD_PORTS = 1, RD_CLK_ENABLE = 1, RD_CLK_POLARITY = 1, RD_TRANSPARENCY_MASK = 0, RD_COLLISION_X_MASK = 0;
  parameter RD_WIDE_CONTINUATION = 0, RD_CE_OVER_SRST = 0, RD_ARST_VALUE = 0, RD_SRST_VALUE = 0, RD_INIT_VALUE = 0;
  parameter WR_PORTS = 0, WR_CLK_ENABLE = 0, WR_CLK_POLARITY = 0, WR_PRIORITY_MASK = 0, WR_WIDE_CONTINUATION = 0;
  input RD_CLK, RD_EN, RD_ARST, RD_SRST;
  input [ABITS-1:0] RD_ADDR;
  output reg [WIDTH-1:0] RD_DATA;
  input WR_CLK, WR_EN, WR_ADDR, WR_DATA;

  wire _TECHMAP_FAIL_ = WR_PORTS != 0 || RD_PORTS != 1 || !RD_CLK_ENABLE || SIZE <= 16 || OFFSET != 0;
  localparam BLOCKS = (SIZE + 63) / 64;
  function [63:0] column(input integer block, input integer bit);
    integer word;
    for (word = 0; word < 64; word = word + 1)
      column[word] = block * 64 + word < SIZE ? INIT[(block * 64 + word) * WIDTH + bit] : 1'b0;
  endfunction
  wire [ABITS+6-1:0] address = {6'b0, RD_ADDR};
  wire [BLOCKS*WIDTH-1:0] words;
  genvar block, bit;
  generate
    for (block = 0; block < BLOCKS; block = block + 1) begin : blocks
      for (bit = 0; bit < WIDTH; bit = bit + 1) begin : bits
        if (column(block, bit) == 64'b0) assign words[block*WIDTH+bit] = 1'b0;
        else
          LUT6 #(.INIT(column(block, bit))) lut (
              .I0(address[0]), .I1(address[1]), .I2(address[2]), .I3(address[3]), .I4(address[4]), .I5(address[5]),
              .O(words[block*WIDTH+bit]));
      end
    end
  endgenerate
  always @(posedge RD_CLK) if (RD_EN) RD_DATA <= words[address[ABITS+6-1:6]*WIDTH+:WIDTH];
endmodule
