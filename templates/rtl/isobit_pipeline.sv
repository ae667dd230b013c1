// The control of a unit's pipeline. A unit is one endless loop; an iteration issues when the words that it reads are
// there and the pipeline moves. LATENCY clocks after its issue, the word that it writes stands at the output.
//
// The pipeline stands still as a whole while a word at its end is not taken; it moves on, with bubbles, while none comes
// in. So a word that has been computed always leaves, whatever follows it: no depth of a pipeline can lock a design up.
module isobit_pipeline #(
    parameter int LATENCY = 1
) (
    input  logic clk,
    input  logic rst,
    input  logic writes,     // the iteration that issues in this clock writes a word
    output logic advance,    // every stage moves on at the end of this clock
    output logic out_valid,
    input  logic out_ready
);
  logic [LATENCY:1] busy;
  assign out_valid = busy[LATENCY];
  assign advance   = out_ready || !out_valid;
  always_ff @(posedge clk) begin
    if (rst) busy <= '0;
    else if (advance) busy <= LATENCY'({busy, writes});
  end
endmodule
