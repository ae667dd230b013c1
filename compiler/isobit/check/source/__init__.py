"""Verdict 2: the source model and the graph agree, by evaluators of the source alone."""
