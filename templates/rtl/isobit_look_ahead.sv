// The words of a line for line_window: the first AHEAD leave together (head), the others one by one (body).
//
// Schedule: WORDS iterations a frame, a word in in each; head leaves in iteration AHEAD - 1, the words of body behind it.
module isobit_look_ahead #(
    parameter int WORDS = 16,
    parameter int LANES = 32,
    parameter int AHEAD = 1,
    parameter int ELEM_T = 4,
    parameter bit ELEM_T_SIGNED = 0
) (
    input  logic                          clk,
    input  logic                          rst,
    input  logic [      LANES*ELEM_T-1:0] in_data,
    input  logic                          in_valid,
    output logic                          in_ready,
    output logic [AHEAD*LANES*ELEM_T-1:0] head_data,
    output logic                          head_valid,
    input  logic                          head_ready,
    output logic [      LANES*ELEM_T-1:0] body_data,
    output logic                          body_valid,
    input  logic                          body_ready
);
  localparam int WORD = LANES * ELEM_T;
  localparam int TRIP_BITS = $clog2(WORDS + 1);

  logic [TRIP_BITS-1:0] trip;
  wire leads = trip == TRIP_BITS'(AHEAD - 1);
  wire follows = trip >= TRIP_BITS'(AHEAD);
  assign in_ready   = follows ? body_ready : !leads || head_ready;
  assign head_valid = in_valid && leads;
  assign body_valid = in_valid && follows;
  assign body_data  = in_data;
  always_ff @(posedge clk) begin
    if (rst) trip <= '0;
    else if (in_valid && in_ready) trip <= trip == TRIP_BITS'(WORDS - 1) ? '0 : trip + 1'b1;
  end
  if (AHEAD > 1) begin : g_kept
    logic [(AHEAD-1)*WORD-1:0] kept;  // the words before this one, the last on top
    assign head_data = {in_data, kept};
    always_ff @(posedge clk) if (in_valid && in_ready) kept <= ((AHEAD - 1) * WORD)'(head_data >> WORD);
  end else begin : g_alone
    assign head_data = in_data;
  end
  wire unused = &{1'b0, ELEM_T_SIGNED};
endmodule
