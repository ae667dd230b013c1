// Words that a loop takes once and goes over again: `word` is the one at `address`, one clock after it was asked for. With
// `take` that is word_in, which is kept there; without it the one that was kept. Where AGAIN is 0 none is asked for twice.
// MEMORY is "auto", "distributed" or "block".
module isobit_kept #(
    parameter  int WIDTH = 8,
    parameter  int DEPTH = 2,
    parameter  bit AGAIN = 1,
    parameter      MEMORY = "auto",
    localparam int BITS  = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic             clk,
    input  logic             enable,
    input  logic             take,
    input  logic [ BITS-1:0] address,
    input  logic [WIDTH-1:0] word_in,
    output logic [WIDTH-1:0] word
);
  if (!AGAIN) begin : g_once
    always_ff @(posedge clk) if (enable) word <= word_in;
    wire unused = &{1'b0, take, address};
  end else begin : g_again
    // A deep memory is written one clock later, at an address of its own, long before the word is asked for again: Yosys
    // builds no memory of one port in the LUTs of an UltraScale+ part that has over 256 words.
    logic put;
    logic [BITS-1:0] place;
    logic [WIDTH-1:0] word_put;
    if (DEPTH > 256) begin : g_apart
      always_ff @(posedge clk) begin
        put <= take;
        place <= address;
        word_put <= word_in;
      end
    end else begin : g_at_once
      assign {put, place, word_put} = {take, address, word_in};
    end
    (* ram_style = MEMORY *)logic [WIDTH-1:0] words[DEPTH];
    logic [WIDTH-1:0] fresh, kept;
    logic is_fresh;
    always_ff @(posedge clk) if (put) words[place] <= word_put;
    always_ff @(posedge clk) begin
      if (enable) begin
        kept <= words[address];
        fresh <= word_in;
        is_fresh <= take;
      end
    end
    assign word = is_fresh ? fresh : kept;
  end
endmodule
