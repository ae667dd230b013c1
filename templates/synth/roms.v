// A memory of constants in LUTs: 64 words of a bit are one LUT, the multiplexers of a slice choose among four, LUTs among
// more. Yosys would make gates of it, several times as many LUTs as Vivado's distributed ROM, which is this; few words it
// makes well.
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
  localparam BLOCKS = (SIZE + 63) / 64, FOURS = (SIZE + 255) / 256;
  function [63:0] column(input integer block, input integer bit);
    integer word;
    for (word = 0; word < 64; word = word + 1)
      column[word] = block * 64 + word < SIZE ? INIT[(block * 64 + word) * WIDTH + bit] : 1'b0;
  endfunction
  wire [FOURS*WIDTH-1:0] words;
  wire [7:0] place = RD_ADDR;
  wire [ABITS-1:0] chosen = RD_ADDR >> 8;
  genvar block, four, bit;
  generate
    for (bit = 0; bit < WIDTH; bit = bit + 1) begin : bits
      wire [4*FOURS-1:0] of_64;
      for (block = 0; block < 4 * FOURS; block = block + 1) begin : blocks
        if (block < BLOCKS) begin : some
          LUT6 #(.INIT(column(block, bit))) lut (
              .I0(place[0]), .I1(place[1]), .I2(place[2]), .I3(place[3]), .I4(place[4]), .I5(place[5]), .O(of_64[block]));
        end else begin : none
          assign of_64[block] = 1'b0;
        end
      end
      for (four = 0; four < FOURS; four = four + 1) begin : fours
        wire low, high;
        if (BLOCKS - 4 * four > 1) MUXF7 low_half (.I0(of_64[4*four]), .I1(of_64[4*four+1]), .S(place[6]), .O(low));
        else assign low = of_64[4*four];
        if (BLOCKS - 4 * four > 3) MUXF7 high_half (.I0(of_64[4*four+2]), .I1(of_64[4*four+3]), .S(place[6]), .O(high));
        else assign high = of_64[4*four+2];
        if (BLOCKS - 4 * four > 2) MUXF8 whole (.I0(low), .I1(high), .S(place[7]), .O(words[four*WIDTH+bit]));
        else assign words[four*WIDTH+bit] = low;
      end
    end
  endgenerate
  always @(posedge RD_CLK) if (RD_EN) RD_DATA <= words[chosen*WIDTH+:WIDTH];
endmodule
