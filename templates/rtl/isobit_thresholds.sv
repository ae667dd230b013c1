// Step by thresholds: y = start[c] + the number of cuts t with acc >= t, found by bisection: one comparison a stage.
//
// Constants are per channel or per tensor, laid out as in isobit_multiply_shift. CUTS has 2^STAGES - 1 entries for every
// channel, of which stage s takes 2^s from 2^s - 1 on: entry k, for a count that begins with k, is cut
// (2 k + 1) 2^(STAGES-1-s) - 1 of the ascending ones; beyond a channel's last cut it is one that acc never reaches.
// Schedule: FOLDS iterations a frame, a word in and out in each. Pipeline: fetch, STAGES comparisons, the sum with start.
module isobit_thresholds #(
    parameter int CHANNELS = 64,
    parameter int PE = 8,
    parameter int FOLDS = 8,
    parameter int LEVELS = 3,
    parameter int IN_T = 16,
    parameter bit IN_T_SIGNED = 1,
    parameter int THRESHOLD_T = 17,
    parameter bit THRESHOLD_T_SIGNED = 1,
    parameter int START_T = 2,
    parameter bit START_T_SIGNED = 0,
    parameter int OUT_T = 2,
    parameter bit OUT_T_SIGNED = 0,
    localparam int LANES = PE < CHANNELS ? PE : CHANNELS,
    localparam int ROWS = CHANNELS / LANES,
    localparam int STAGES = $clog2(LEVELS + 1),
    localparam int SIZE = (1 << STAGES) - 1,
    parameter logic [CHANNELS*START_T-1:0] START = '0,
    parameter logic [CHANNELS*SIZE*THRESHOLD_T-1:0] CUTS = '0
) (
    input  logic                clk,
    input  logic                rst,
    input  logic [ PE*IN_T-1:0] in_data,
    input  logic                in_valid,
    output logic                in_ready,
    output logic [PE*OUT_T-1:0] out_data,
    output logic                out_valid,
    input  logic                out_ready
);
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int WIDE = (IN_T > THRESHOLD_T ? IN_T : THRESHOLD_T) + 2;

  logic [ROW_BITS-1:0] row;
  logic advance;
  wire issue = advance && in_valid;
  assign in_ready = advance;
  isobit_pipeline #(.LATENCY(STAGES + 2)) pipeline (.clk, .rst, .writes(issue), .advance, .out_valid, .out_ready);
  if (ROWS == 1) begin : g_one_row
    assign row = '0;
  end else begin : g_rows
    always_ff @(posedge clk) begin
      if (rst) row <= '0;
      else if (issue) row <= row == ROW_BITS'(ROWS - 1) ? '0 : row + 1'b1;
    end
  end

  // The row of the word in every stage.
  logic [STAGES:0][ROW_BITS-1:0] row_of;
  always_ff @(posedge clk) if (advance) row_of <= ((STAGES + 1) * ROW_BITS)'({row_of, row});

  for (genvar pe = 0; pe < PE; pe++) begin : g_pe
    localparam int L = pe % LANES;
    // Behind stage s the leading s bits of the count are known.
    logic signed [STAGES:0][IN_T:0] acc;
    logic [STAGES:0][STAGES-1:0] reached;
    assign reached[0] = '0;
    always_ff @(posedge clk) if (advance) acc[0] <= {IN_T_SIGNED & in_data[pe*IN_T+IN_T-1], in_data[pe*IN_T+:IN_T]};
    for (genvar s = 0; s < STAGES; s++) begin : g_stage
      localparam int STEP = 1 << (STAGES - 1 - s);  // what this stage may add to the count
      localparam int OWN = 1 << s;
      logic signed [WIDE-1:0] cuts[ROWS*OWN];
      initial begin
        for (int r = 0; r < ROWS; r++) begin
          for (int k = 0; k < OWN; k++) begin
            automatic int place = ((r * LANES + L) * SIZE + OWN - 1 + k) * THRESHOLD_T;
            cuts[r*OWN+k] =
                WIDE'($signed({THRESHOLD_T_SIGNED & CUTS[place+THRESHOLD_T-1], CUTS[place+:THRESHOLD_T]}));
          end
        end
      end
      localparam int ADDRESS = ROWS * OWN > 1 ? $clog2(ROWS * OWN) : 1;
      wire [ADDRESS-1:0] place = ADDRESS'(row_of[s]) * ADDRESS'(OWN) + ADDRESS'(reached[s] >> (STAGES - s));
      wire signed [IN_T:0] value = acc[s];
      wire above = WIDE'(value) >= cuts[place];
      always_ff @(posedge clk) begin
        if (advance) begin
          acc[s+1] <= acc[s];
          reached[s+1] <= above ? reached[s] | STAGES'(STEP) : reached[s];
        end
      end
    end
    logic [START_T-1:0] start;
    localparam int STARTS = LANES * START_T;
    wire [STARTS-1:0] starts = START[row_of[STAGES]*STARTS+:STARTS];
    assign start = starts[L*START_T+:START_T];
    logic [OUT_T-1:0] y;
    always_ff @(posedge clk) begin
      if (advance) y <= OUT_T'($signed({START_T_SIGNED & start[START_T-1], start})) + OUT_T'(reached[STAGES]);
    end
    assign out_data[pe*OUT_T+:OUT_T] = y;
    wire unused = &{1'b0, acc[STAGES]};
  end
  wire unused = &{1'b0, FOLDS[0], OUT_T_SIGNED};
endmodule
