// Maximum of every window, channel by channel.
//
// The input is a stream of windows: VECTORS times TAPS pixels of CF = CHANNELS / PE words, or of PE / CHANNELS whole
// pixels a word, which divide TAPS: then CF = 1.
// Schedule: VECTORS * TAPS * CHANNELS / PE iterations a frame, a word in in each; of every vector's the last CF write a
// word each. Pipeline: the maximum of the word's own pixels, the maximum of the window so far.
module isobit_max_pool #(
    parameter int CHANNELS = 64,
    parameter int PE = 8,
    parameter int TAPS = 4,
    parameter int VECTORS = 64,
    parameter int ELEM_T = 4,
    parameter bit ELEM_T_SIGNED = 0,
    localparam int CF = CHANNELS > PE ? CHANNELS / PE : 1,
    localparam int PIXELS = PE > CHANNELS ? PE / CHANNELS : 1,
    localparam int WIDTH = PE < CHANNELS ? PE : CHANNELS
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [   PE*ELEM_T-1:0] in_data,
    input  logic                    in_valid,
    output logic                    in_ready,
    output logic [WIDTH*ELEM_T-1:0] out_data,
    output logic                    out_valid,
    input  logic                    out_ready
);
  localparam int ROWS = TAPS / PIXELS * CF;  // words of a window
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int CF_BITS = CF > 1 ? $clog2(CF) : 1;
  logic [ROW_BITS-1:0] row;
  logic advance, live, first;
  wire issue = advance && in_valid;
  wire ends = int'(row) >= ROWS - CF;
  assign in_ready = advance;
  isobit_pipeline #(.LATENCY(2)) pipeline (.clk, .rst, .writes(issue && ends), .advance, .out_valid, .out_ready);
  always_ff @(posedge clk) begin
    if (rst) begin
      row  <= '0;
      live <= 1'b0;
    end else begin
      if (issue) row <= row == ROW_BITS'(ROWS - 1) ? '0 : row + 1'b1;
      if (advance) live <= issue;
    end
    if (advance) first <= int'(row) < CF;
  end

  logic [CF_BITS-1:0] fold;
  wire compares = advance && live;
  always_ff @(posedge clk) begin
    if (rst) fold <= '0;
    else if (compares) fold <= fold == CF_BITS'(CF - 1) ? '0 : fold + 1'b1;
  end
  function automatic logic signed [ELEM_T:0] element(input int l);
    return {ELEM_T_SIGNED & in_data[l*ELEM_T+ELEM_T-1], in_data[l*ELEM_T+:ELEM_T]};
  endfunction
  logic signed [ELEM_T:0] of_word[WIDTH], top[WIDTH], best[WIDTH], maximum[WIDTH];
  (* ram_style = "auto" *)logic [WIDTH-1:0][ELEM_T:0] maxima[CF];
  wire [WIDTH-1:0][ELEM_T:0] so_far = maxima[fold];
  always_comb begin
    for (int c = 0; c < WIDTH; c++) begin
      of_word[c] = element(c);
      for (int p = 1; p < PIXELS; p++) if (element(p * WIDTH + c) > of_word[c]) of_word[c] = element(p * WIDTH + c);
      maximum[c] = !first && $signed(so_far[c]) > top[c] ? $signed(so_far[c]) : top[c];
      out_data[c*ELEM_T+:ELEM_T] = best[c][ELEM_T-1:0];
    end
  end
  always_ff @(posedge clk) begin
    if (advance) top <= of_word;
    if (compares) begin
      best <= maximum;
      for (int c = 0; c < WIDTH; c++) maxima[fold][c] <= maximum[c];
    end
  end
  wire unused = &{1'b0, VECTORS[0]};
endmodule
