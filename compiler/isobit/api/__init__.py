"""The Python package's own face: what the command line takes as options these functions take as keywords."""
