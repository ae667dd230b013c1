"""The checks: stimuli, simulation, and the comparisons of C++, graph and source; no tolerance anywhere."""
