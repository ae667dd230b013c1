// A stream between two units: DEPTH words, first in, first out; a word that was written leaves one clock later at the
// earliest. Both handshakes are registered: neither side's ready or valid depends on the other's in the same clock, so
// that no combinational path runs through a chain of units.
//
// Words lie in a shift register (SRL) up to 32 deep, in a memory with a registered output beyond: STYLE is "auto",
// "distributed", "block" or "ultra". `level` counts the words inside.
module isobit_fifo #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 2,
    parameter     STYLE = "auto"
) (
    input  logic                       clk,
    input  logic                       rst,
    input  logic [WIDTH-1:0]           in_data,
    input  logic                       in_valid,
    output logic                       in_ready,
    output logic [WIDTH-1:0]           out_data,
    output logic                       out_valid,
    input  logic                       out_ready,
    output logic [$clog2(DEPTH+1)-1:0] level
);
  localparam int COUNT = $clog2(DEPTH + 1);
  wire write = in_valid && in_ready;
  wire read = out_valid && out_ready;
  wire [COUNT-1:0] next_level = level + COUNT'(write) - COUNT'(read);

  always_ff @(posedge clk) begin
    if (rst) begin
      level <= '0;
      in_ready <= 1'b0;
    end else begin
      level <= next_level;
      in_ready <= next_level != COUNT'(DEPTH);
    end
  end

  if (DEPTH <= 32) begin : g_shift
    // One vector that moves on as a whole: as an array it would be read as a memory, and be no SRL.
    localparam int INDEX = DEPTH > 1 ? $clog2(DEPTH) : 1;
    logic [DEPTH-1:0][WIDTH-1:0] words;
    assign out_valid = level != '0;
    assign out_data = words[INDEX'(level-COUNT'(1))];
    always_ff @(posedge clk) if (write) words <= (DEPTH * WIDTH)'({words, in_data});
  end else begin : g_memory
    // The oldest word waits in `head`, the others in the memory; a word goes straight to `head` where nothing waits.
    localparam int INDEX = $clog2(DEPTH);
    (* ram_style = STYLE *)logic [WIDTH-1:0] memory[DEPTH];
    logic [WIDTH-1:0] head, fetched;
    logic [INDEX-1:0] write_place, read_place;
    logic head_valid, from_memory;
    logic [COUNT-1:0] stored;  // words in the memory
    wire take = read || !head_valid;  // `head` gets the next word
    wire fetch = take && stored != '0;
    wire store = write && !(take && stored == '0);
    function automatic logic [INDEX-1:0] after(input logic [INDEX-1:0] place);
      return place == INDEX'(DEPTH - 1) ? '0 : place + 1'b1;
    endfunction
    assign out_valid = head_valid;
    assign out_data  = from_memory ? fetched : head;
    always_ff @(posedge clk) begin
      if (store) memory[write_place] <= in_data;
      if (fetch) fetched <= memory[read_place];
    end
    always_ff @(posedge clk) begin
      if (rst) begin
        head_valid <= 1'b0;
        from_memory <= 1'b0;
        stored <= '0;
        write_place <= '0;
        read_place <= '0;
      end else begin
        stored <= stored + COUNT'(store) - COUNT'(fetch);
        if (store) write_place <= after(write_place);
        if (fetch) read_place <= after(read_place);
        if (take) begin
          head_valid  <= fetch || write;
          from_memory <= fetch;
        end
      end
      if (take && !fetch) head <= in_data;
    end
  end
endmodule
