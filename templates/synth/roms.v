// A memory of constants in LUTs: 64 words of a bit are one LUT, and one of several is chosen. Yosys would make gates of it,
// several times as many LUTs as Vivado's distributed ROM, which is this; few words it makes well.
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
  wire [BLOCKS*WIDTH-1:0] words;
  wire [5:0] place = RD_ADDR;
  wire [ABITS-1:0] chosen = RD_ADDR >> 6;
  genvar block, bit;
  generate
    for (block = 0; block < BLOCKS; block = block + 1) begin : blocks
      for (bit = 0; bit < WIDTH; bit = bit + 1) begin : bits
        LUT6 #(.INIT(column(block, bit))) lut (
            .I0(place[0]), .I1(place[1]), .I2(place[2]), .I3(place[3]), .I4(place[4]), .I5(place[5]),
            .O(words[block*WIDTH+bit]));
      end
    end
  endgenerate
  always @(posedge RD_CLK) if (RD_EN) RD_DATA <= words[chosen*WIDTH+:WIDTH];
endmodule
