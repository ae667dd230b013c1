"""Verdict 3: the RTL of a design, simulated clock by clock, against the graph and against the clocks it declares."""
