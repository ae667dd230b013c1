"""The source model evaluated in exact rational arithmetic, from the operators' standard."""
