"""TensorFlow Lite import: an int8 or uint8 file becomes an integer graph, with the reference kernels' own integers.

A TFLite file needs no interpretation of real values: its kernels are defined on integers (31-bit multipliers, double
rounding). What stands here writes those functions as staircases, sums and tables, exactly.
"""
