"""The hls4ml back end: the integer graph as hls4ml's layers, and an hls4ml project that computes the very integers.

``plan`` says how fast every layer is, ``lower`` (with ``windows``, ``moves`` and ``steps``) turns the graph into a list
of layers with the types of the graph's intervals, ``extension`` makes isobit's own layers known to hls4ml, ``project``
converts and writes, ``csim`` compiles what was written. Only ``extension`` and ``project`` import hls4ml.
"""
