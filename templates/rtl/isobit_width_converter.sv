// Regroups a frame from words of IN_LANES elements to words of OUT_LANES, for any two widths that divide it.
//
// Counted in granules of gcd(IN_LANES, OUT_LANES) elements: a serialiser where a word in is whole words out, a
// deserialiser where it is the other way round, and a shift buffer otherwise.
// Schedule: FRAME / min(IN_LANES, OUT_LANES) iterations a frame; one reads if less than an output word is buffered, and
// writes if at least one is.
module isobit_width_converter #(
    parameter int FRAME = 12,
    parameter int IN_LANES = 4,
    parameter int OUT_LANES = 6,
    parameter int ELEM_T = 8,
    parameter bit ELEM_T_SIGNED = 1
) (
    input  logic                        clk,
    input  logic                        rst,
    input  logic [ IN_LANES*ELEM_T-1:0] in_data,
    input  logic                        in_valid,
    output logic                        in_ready,
    output logic [OUT_LANES*ELEM_T-1:0] out_data,
    output logic                        out_valid,
    input  logic                        out_ready
);
  function automatic int gcd(input int a, input int b);
    int x = a, y = b, r;
    for (int i = 0; i < 32 && y != 0; i++) begin
      r = x % y;
      x = y;
      y = r;
    end
    return x;
  endfunction
  localparam int GRANULE = gcd(IN_LANES, OUT_LANES);
  localparam int BITS = GRANULE * ELEM_T;
  localparam int TAKES = IN_LANES / GRANULE;
  localparam int GIVES = OUT_LANES / GRANULE;
  localparam int SIZE = TAKES + GIVES - 1;
  localparam int COUNT = $clog2(SIZE + 1);

  logic [COUNT-1:0] filled;  // granules that wait
  logic advance;
  wire reads = filled < COUNT'(GIVES);
  wire issue = advance && (!reads || in_valid);
  wire [COUNT-1:0] held = reads ? filled + COUNT'(TAKES) : filled;
  wire writes = held >= COUNT'(GIVES);
  assign in_ready = advance && reads;
  isobit_pipeline #(.LATENCY(1)) pipeline (.clk, .rst, .writes(issue && writes), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) filled <= '0;
    else if (issue) filled <= writes ? held - COUNT'(GIVES) : held;
  end

  if (SIZE == 1) begin : g_same
    always_ff @(posedge clk) if (advance) out_data <= in_data;
  end else if (GIVES == 1) begin : g_serialiser
    logic [(TAKES-1)*BITS-1:0] rest;
    always_ff @(posedge clk) begin
      if (issue) {rest, out_data} <= reads ? in_data : (TAKES * BITS)'(rest);
    end
  end else if (TAKES == 1) begin : g_deserialiser
    logic [(GIVES-1)*BITS-1:0] earlier;
    if (GIVES == 2) begin : g_pair
      always_ff @(posedge clk) if (issue) earlier <= in_data;
    end else begin : g_more
      always_ff @(posedge clk) if (issue) earlier <= {in_data, earlier[(GIVES-1)*BITS-1:BITS]};
    end
    always_ff @(posedge clk) if (issue && writes) out_data <= {in_data, earlier};
  end else begin : g_buffer
    logic [SIZE*BITS-1:0] waiting;  // zero where nothing waits
    wire [SIZE*BITS-1:0] word = (SIZE * BITS)'(in_data) << (filled * BITS);
    wire [SIZE*BITS-1:0] merged = reads ? waiting | word : waiting;
    always_ff @(posedge clk) begin
      if (rst) waiting <= '0;
      else if (issue) waiting <= writes ? merged >> (GIVES * BITS) : merged;
      if (issue && writes) out_data <= merged[GIVES*BITS-1:0];
    end
  end
  wire unused = &{1'b0, ELEM_T_SIGNED, FRAME[0]};
endmodule
