// Matrix-vector unit for SAMPLES windows at a time, which share every weight: acc[p][o] = sum over i of
// weight[o][i] * x[p][i].
//
// A word in is a block (isobit_parallel_window) with IN = KH * KW * CHANNELS inputs a window, or SAMPLES pixels where the
// kernel is one; a word out is the SAMPLES * OUT sums. Weights, ACC_T and BIPOLAR as in isobit_dense.
// Schedule: WORDS * NF * SF iterations a frame (SF = IN / SIMD, NF = OUT / PE); of every NF * SF the first reads a word
// and the last writes one. Pipeline: fetch, choose, multiply, the levels of the adder tree, accumulate, collect.
module isobit_parallel_dense #(
    parameter int SAMPLES = 4,
    parameter int CHANNELS = 8,
    parameter int KH = 1,
    parameter int KW = 5,
    parameter int SW = 1,
    parameter int DW = 1,
    parameter int WORDS = 64,
    parameter int OUT = 16,
    parameter int SIMD = 8,
    parameter int PE = 4,
    parameter int IN_T = 4,
    parameter bit IN_T_SIGNED = 0,
    parameter int WEIGHT_T = 4,
    parameter bit WEIGHT_T_SIGNED = 1,
    parameter int ACC_T = 14,
    parameter bit ACC_T_SIGNED = 1,
    parameter int CODE_T = 0,
    parameter bit CODE_T_SIGNED = 1,
    parameter int RUN = 1,
    parameter int BIPOLAR = 0,
    parameter int PACKED = 0,
    parameter int CHAIN = 1,
    parameter USE_DSP = "auto",
    localparam int COLUMNS = (SAMPLES - 1) * SW + (KW - 1) * DW + 1,
    localparam int IN = KH * KW * CHANNELS,
    localparam int ROWS = OUT / PE * (IN / SIMD),
    localparam int ROW = PE * SIMD * (CODE_T > 0 ? CODE_T : WEIGHT_T),
    parameter WEIGHTS_FILE = "",
    parameter WEIGHTS_STYLE = "auto",
    parameter logic [ROWS*ROW-1:0] WEIGHTS = '0
) (
    input  logic                                clk,
    input  logic                                rst,
    input  logic [KH*COLUMNS*CHANNELS*IN_T-1:0] in_data,
    input  logic                                in_valid,
    output logic                                in_ready,
    output logic [       SAMPLES*OUT*ACC_T-1:0] out_data,
    output logic                                out_valid,
    input  logic                                out_ready
);
  localparam int SF = IN / SIMD;
  localparam int NF = OUT / PE;
  localparam int SF_BITS = SF > 1 ? $clog2(SF) : 1;
  localparam int NF_BITS = NF > 1 ? $clog2(NF) : 1;
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int SUMS = 3 + (SF > 1 ? 1 : 0) + isobit_clocks::to_sum(SIMD, BIPOLAR, PACKED, CHAIN);  // clocks to the running sum
  localparam int LATENCY = SUMS + (NF > 1 ? 1 : 0);

  logic [SF_BITS-1:0] sf;
  logic [NF_BITS-1:0] nf;
  logic [ROW_BITS-1:0] row;
  logic advance;
  wire reads = row == '0;
  wire ends = ROWS == 1 || row == ROW_BITS'(ROWS - 1);  // a counter of one is a constant
  wire sum_ends = SF == 1 || sf == SF_BITS'(SF - 1);
  wire issue = advance && (!reads || in_valid);
  assign in_ready = advance && reads;
  isobit_pipeline #(.LATENCY(LATENCY)) pipeline (
      .clk, .rst, .writes(issue && ends), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) begin
      sf  <= '0;
      nf  <= '0;
      row <= '0;
    end else if (issue) begin
      row <= ends ? '0 : row + 1'b1;
      sf  <= sum_ends ? '0 : sf + 1'b1;
      if (sum_ends) nf <= ends ? '0 : nf + 1'b1;
    end
  end

  logic [KH*COLUMNS*CHANNELS*IN_T-1:0] block;
  logic [ROW_BITS-1:0] address;
  logic [ROW-1:0] stored;
  logic [PE*SIMD*WEIGHT_T-1:0] weights;
  isobit_rom #(.WIDTH(ROW), .DEPTH(ROWS), .FILE(WEIGHTS_FILE), .STYLE(WEIGHTS_STYLE), .VALUES(WEIGHTS)) rom (
      .clk, .enable(advance), .address, .word(stored));
  isobit_weights #(.COUNT(PE * SIMD), .WEIGHT(WEIGHT_T), .CODE(CODE_T), .RUN(RUN)) decoded (.stored, .weights);
  always_ff @(posedge clk) if (issue && reads) block <= in_data;

  logic [SUMS:1] last;
  logic [SUMS:1][NF_BITS-1:0] nf_of;
  always_ff @(posedge clk) begin
    if (rst) last <= '0;
    else if (advance) last <= SUMS'({last, issue && sum_ends});
    if (advance) nf_of <= (SUMS * NF_BITS)'({nf_of, nf});
  end

  // By sf what an iteration takes of the windows, which lie in the order of the weights. Every bit has SF places in the
  // block: a choice among them, which has a clock of its own, and no address to be multiplied out.
  logic [SF-1:0][SAMPLES*SIMD*IN_T-1:0] taken;
  for (genvar f = 0; f < SF; f++) begin : g_taken
    for (genvar p = 0; p < SAMPLES; p++) begin : g_window
      for (genvar s = 0; s < SIMD; s++) begin : g_element
        localparam int I = f * SIMD + s, TAP = I / CHANNELS;
        localparam int FROM = (TAP / KW * COLUMNS + p * SW + TAP % KW * DW) * CHANNELS + I % CHANNELS;
        assign taken[f][(p*SIMD+s)*IN_T+:IN_T] = block[FROM*IN_T+:IN_T];
      end
    end
  end
  logic [SAMPLES*SIMD*IN_T-1:0] x;
  logic fetches, first;
  if (SF == 1) begin : g_whole
    assign x = taken[0];
    assign {address, fetches, first} = {row, issue, 1'b1};
  end else begin : g_chosen
    logic [SF_BITS-1:0] sf_of;
    always_ff @(posedge clk) begin
      if (rst) fetches <= 1'b0;
      else if (advance) fetches <= issue;
      if (advance) begin
        sf_of <= sf;
        x <= taken[sf_of];
        {address, first} <= {row, sf == '0};
      end
    end
  end
  logic [SAMPLES*PE*ACC_T-1:0] acc;
  isobit_dots #(
      .SAMPLES(SAMPLES), .PE(PE), .SIMD(SIMD), .IN_T(IN_T), .IN_T_SIGNED(IN_T_SIGNED), .WEIGHT_T(WEIGHT_T),
      .WEIGHT_T_SIGNED(WEIGHT_T_SIGNED), .ACC_T(ACC_T), .BIPOLAR(BIPOLAR), .PACKED(PACKED), .CHAIN(CHAIN), .USE_DSP(USE_DSP)
  ) dots (.clk, .rst, .enable(advance), .issue(fetches), .first, .x, .weights, .acc);
  if (NF == 1) begin : g_at_once
    assign out_data = acc;
  end else begin : g_collected
    always_ff @(posedge clk) begin
      if (advance && last[SUMS]) begin
        for (int p = 0; p < SAMPLES; p++) begin
          for (int o = 0; o < OUT; o++) begin
            if (int'(nf_of[SUMS]) == o / PE) out_data[(p*OUT+o)*ACC_T+:ACC_T] <= acc[(p*PE+o%PE)*ACC_T+:ACC_T];
          end
        end
      end
    end
  end
  wire unused = &{1'b0, ACC_T_SIGNED, WORDS[0], last, nf_of};
endmodule
