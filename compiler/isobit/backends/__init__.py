"""Ways to build the hardware: each lowers a graph and a plan to a design of template instances."""
