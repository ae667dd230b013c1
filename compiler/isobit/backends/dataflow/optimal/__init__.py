"""The plan that is proven best over all layers' points, by a constraint solver, and the front of all such plans."""
