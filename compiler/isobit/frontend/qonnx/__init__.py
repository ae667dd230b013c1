"""QONNX, QDQ, QOperator and integer ONNX networks become integer graphs with exact rational scales."""
