// Regroups rows from words of IN_LANES elements to words of OUT_LANES, for any two widths: every row begins a word on
// either side, and where a width does not divide it, its last word has slack. A frame without slack is one row.
//
// Counted in granules of gcd(IN_LANES, OUT_LANES) elements: a serialiser where a word in is whole words out, a
// deserialiser where it is the other way round, and a shift buffer otherwise or with slack. Slack in goes on as slack or is
// dropped; what is still missing is the word's first pixel of CHANNELS again, or as much of it as the word has.
// Schedule: TRIPS iterations a row, ROW / min(IN_LANES, OUT_LANES) without slack; one reads if less than an output word is
// buffered and the row has more, and writes if at least one is, or if it is the last of a row with slack.
module isobit_width_converter #(
    parameter int FRAME = 20,
    parameter int ROW = 10,
    parameter int CHANNELS = 1,
    parameter int IN_LANES = 2,
    parameter int OUT_LANES = 4,
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
  localparam bit SLACK = ROW % IN_LANES != 0 || ROW % OUT_LANES != 0;
  localparam int COME = (ROW + IN_LANES - 1) / IN_LANES, LEAVE = (ROW + OUT_LANES - 1) / OUT_LANES;  // words of a row
  localparam int BEFORE = (LEAVE - 1) * OUT_LANES;  // elements before the last word out
  localparam int MORE = COME > LEAVE ? COME : LEAVE, REACH = (BEFORE + IN_LANES - 1) / IN_LANES + 1;
  localparam int TRIPS = MORE > REACH ? MORE : REACH;
  localparam int LAST_READ = IN_LANES > OUT_LANES ? (COME - 1) * IN_LANES / OUT_LANES : COME - 1;
  localparam int LEFT = COME * IN_LANES - BEFORE;  // elements, slack included, for the last word out
  localparam int AGAIN = CHANNELS < LEFT ? CHANNELS : LEFT;  // elements that fill up what it lacks
  localparam int GRANULE = gcd(IN_LANES, OUT_LANES);
  localparam int BITS = GRANULE * ELEM_T;
  localparam int TAKES = IN_LANES / GRANULE;
  localparam int GIVES = OUT_LANES / GRANULE;
  localparam int SIZE = TAKES + GIVES - 1;
  localparam int COUNT = $clog2(SIZE + 1), TRIP_BITS = $clog2(TRIPS + 1);

  logic [COUNT-1:0] filled;  // granules that wait
  logic [TRIP_BITS-1:0] trip;  // of the row; without slack nothing depends on it
  logic advance;
  wire ends = SLACK && trip == TRIP_BITS'(TRIPS - 1);
  wire reads = filled < COUNT'(GIVES) && (!SLACK || trip <= TRIP_BITS'(LAST_READ));
  wire issue = advance && (!reads || in_valid);
  wire [COUNT-1:0] held = reads ? filled + COUNT'(TAKES) : filled;
  wire writes = ends || held >= COUNT'(GIVES);
  assign in_ready = advance && reads;
  isobit_pipeline #(.LATENCY(1)) pipeline (.clk, .rst, .writes(issue && writes), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst || (issue && ends)) begin
      filled <= '0;
      trip   <= '0;
    end else if (issue) begin
      filled <= writes ? held - COUNT'(GIVES) : held;
      trip   <= trip + 1'b1;
    end
  end

  if (SIZE == 1 && !SLACK) begin : g_same
    always_ff @(posedge clk) if (advance) out_data <= in_data;
  end else if (GIVES == 1 && !SLACK) begin : g_serialiser
    logic [(TAKES-1)*BITS-1:0] rest;
    always_ff @(posedge clk) begin
      if (issue) {rest, out_data} <= reads ? in_data : (TAKES * BITS)'(rest);
    end
  end else if (TAKES == 1 && !SLACK) begin : g_deserialiser
    logic [(GIVES-1)*BITS-1:0] earlier;
    if (GIVES == 2) begin : g_pair
      always_ff @(posedge clk) if (issue) earlier <= in_data;
    end else begin : g_more
      always_ff @(posedge clk) if (issue) earlier <= {in_data, earlier[(GIVES-1)*BITS-1:BITS]};
    end
    always_ff @(posedge clk) if (issue && writes) out_data <= {in_data, earlier};
  end else begin : g_buffer
    logic [SIZE*BITS-1:0] waiting;  // zero where nothing waits
    logic [SIZE*BITS-1:0] word;  // in the place behind what waits: fewer than GIVES granules where one is read
    always_comb begin
      word = (SIZE * BITS)'(in_data);
      for (int g = 1; g < GIVES; g++) if (filled == COUNT'(g)) word = (SIZE * BITS)'(in_data) << (g * BITS);
    end
    wire [SIZE*BITS-1:0] merged = reads ? waiting | word : waiting;
    always_ff @(posedge clk) begin
      if (rst || (issue && ends)) waiting <= '0;
      else if (issue) waiting <= writes ? merged >> (GIVES * BITS) : merged;
      if (issue && writes) begin
        for (int l = 0; l < OUT_LANES; l++) begin
          out_data[l*ELEM_T+:ELEM_T] <=
              ends && l >= LEFT ? merged[l%AGAIN*ELEM_T+:ELEM_T] : merged[l*ELEM_T+:ELEM_T];
        end
      end
    end
  end
  wire unused = &{1'b0, ELEM_T_SIGNED, FRAME[0]};
endmodule
