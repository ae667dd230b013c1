"""A TFLite file evaluated with the integers of the reference kernels, and the verdict on it."""
