"""The integer graph as files for other programs: plain ONNX, QONNX, numpy arrays, C.

Every form computes what :mod:`isobit.interp` computes, on 64-bit integers. Inputs and outputs are the model's own
integers in the layout of the source (:mod:`isobit.interchange.border`).
"""
