// Selection: the index of the largest element, or of the K largest; the lower index wins a tie.
//
// Selects among FRAME successive elements, VECTORS times. A word in is a share of them, or those of several positions
// (LANES a multiple of FRAME), whose indices leave together.

// One index per vector. Schedule: VECTORS * FRAME / LANES iterations a frame, a word in in each, a word out in the last
// of every FRAME / LANES, or in every one. Pipeline: fetch, the largest of the word, the largest so far.
module isobit_argmax #(
    parameter int FRAME = 10,
    parameter int LANES = 2,
    parameter int VECTORS = 1,
    parameter int IN_T = 12,
    parameter bit IN_T_SIGNED = 1,
    parameter int INDEX_T = 4,
    parameter bit INDEX_T_SIGNED = 0,
    localparam int SAMPLES = LANES > FRAME ? LANES / FRAME : 1
) (
    input  logic                       clk,
    input  logic                       rst,
    input  logic [     LANES*IN_T-1:0] in_data,
    input  logic                       in_valid,
    output logic                       in_ready,
    output logic [SAMPLES*INDEX_T-1:0] out_data,
    output logic                       out_valid,
    input  logic                       out_ready
);
  localparam int SHARE = LANES < FRAME ? LANES : FRAME;  // elements of one vector in a word
  localparam int WORDS = FRAME / SHARE;
  localparam int COUNT = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int LATENCY = 2 + $clog2(SHARE);

  logic [COUNT-1:0] count;
  logic advance;
  wire issue = advance && in_valid;
  wire ends = count == COUNT'(WORDS - 1);
  assign in_ready = advance;
  isobit_pipeline #(.LATENCY(LATENCY)) pipeline (
      .clk, .rst, .writes(issue && ends), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) count <= '0;
    else if (issue) count <= ends ? '0 : count + 1'b1;
  end

  logic [LANES*IN_T-1:0] word;
  logic [LATENCY-1:1] live;
  logic [LATENCY-1:1][COUNT-1:0] count_of;
  always_ff @(posedge clk) begin
    if (rst) live <= '0;
    else if (advance) live <= (LATENCY - 1)'({live, issue});
    if (advance) begin
      word <= in_data;
      count_of <= ((LATENCY - 1) * COUNT)'({count_of, count});
    end
  end
  wire [COUNT-1:0] now = count_of[LATENCY-1];
  for (genvar p = 0; p < SAMPLES; p++) begin : g_sample
    logic [SHARE*(IN_T+1)-1:0] values;
    logic [SHARE*INDEX_T-1:0] lanes;
    for (genvar l = 0; l < SHARE; l++) begin : g_lane
      localparam int E = p * SHARE + l;
      assign values[l*(IN_T+1)+:IN_T+1] = {IN_T_SIGNED & word[E*IN_T+IN_T-1], word[E*IN_T+:IN_T]};
      assign lanes[l*INDEX_T+:INDEX_T] = INDEX_T'(l);
    end
    logic signed [IN_T:0] top, best;
    logic [INDEX_T-1:0] lane, index;
    isobit_largest #(.N(SHARE), .WIDTH(IN_T + 1), .INDEX(INDEX_T)) largest (
        .clk, .enable(advance), .values, .numbers(lanes), .value(top), .number(lane));
    always_ff @(posedge clk) begin
      if (advance && live[LATENCY-1] && (now == '0 || top > best)) begin
        best <= top;
        index <= INDEX_T'(32'(now) * 32'(SHARE)) + lane;
      end
    end
    assign out_data[p*INDEX_T+:INDEX_T] = index;
  end
  wire unused = &{1'b0, INDEX_T_SIGNED, VECTORS[0]};
endmodule

// K indices per vector, largest value first. Schedule: VECTORS * FRAME iterations a frame, divided by the vectors in a
// word; a word in in the first of every LANES (of one vector), a word out in the last of every FRAME. Pipeline: the
// element, its place among the K largest so far.
module isobit_top_k #(
    parameter int FRAME = 10,
    parameter int LANES = 2,
    parameter int VECTORS = 1,
    parameter int K = 3,
    parameter int IN_T = 12,
    parameter bit IN_T_SIGNED = 1,
    parameter int INDEX_T = 4,
    parameter bit INDEX_T_SIGNED = 0,
    localparam int SAMPLES = LANES > FRAME ? LANES / FRAME : 1
) (
    input  logic                         clk,
    input  logic                         rst,
    input  logic [       LANES*IN_T-1:0] in_data,
    input  logic                         in_valid,
    output logic                         in_ready,
    output logic [K*SAMPLES*INDEX_T-1:0] out_data,
    output logic                         out_valid,
    input  logic                         out_ready
);
  localparam int SHARE = LANES < FRAME ? LANES : FRAME;
  localparam int LANE_BITS = $clog2(SHARE + 1);
  logic [LANE_BITS-1:0] lane;
  logic [INDEX_T-1:0] count, number;  // of the element that enters, and behind the first stage
  logic advance, live;
  wire reads = lane == '0;
  wire issue = advance && (!reads || in_valid);
  wire ends = count == INDEX_T'(FRAME - 1);
  assign in_ready = advance && reads;
  isobit_pipeline #(.LATENCY(2)) pipeline (.clk, .rst, .writes(issue && ends), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) begin
      lane  <= '0;
      count <= '0;
      live  <= 1'b0;
    end else begin
      if (issue) begin
        lane  <= lane == LANE_BITS'(SHARE - 1) ? '0 : lane + 1'b1;
        count <= ends ? '0 : count + 1'b1;
      end
      if (advance) live <= issue;
    end
    if (advance) number <= count;
  end

  for (genvar p = 0; p < SAMPLES; p++) begin : g_sample
    // The vector's share of the word moves down by an element an iteration.
    logic [SHARE*IN_T-1:0] rest;
    wire [SHARE*IN_T-1:0] share = reads ? in_data[p*SHARE*IN_T+:SHARE*IN_T] : rest;
    logic signed [IN_T:0] element;
    always_ff @(posedge clk) begin
      if (issue) rest <= share >> IN_T;
      if (advance) element <= {IN_T_SIGNED & share[IN_T-1], share[IN_T-1:0]};
    end
    logic signed [IN_T:0] value[K];  // sorted, largest first; 0 .. number - 1 are filled
    logic [INDEX_T-1:0] index[K];
    for (genvar k = 0; k < K; k++) begin : g_place
      wire enters_here = int'(number) <= k || element > value[k];
      always_ff @(posedge clk) begin
        if (advance && live && enters_here) begin
          if (k > 0 && (int'(number) < k || element > value[k>0?k-1:0])) begin
            value[k] <= value[k>0?k-1:0];
            index[k] <= index[k>0?k-1:0];
          end else begin
            value[k] <= element;
            index[k] <= number;
          end
        end
      end
      assign out_data[(p*K+k)*INDEX_T+:INDEX_T] = index[k];
    end
  end
  wire unused = &{1'b0, INDEX_T_SIGNED, VECTORS[0]};
endmodule
