"""The second writer of a design: SystemVerilog beside the C++, from the same processes, constants and FIFO depths."""

from isobit.backends.dataflow.rtl.parts import PART, Part, parts_of, unit_texts
from isobit.backends.dataflow.rtl.timing import LayerClocks, layer_clocks, rtl_design, rtl_interval
from isobit.backends.dataflow.rtl.units import RTL_UNITS
from isobit.backends.dataflow.rtl.write import node_streams, render_rtl, rtl_files, rtl_modules

__all__ = [
    "PART", "RTL_UNITS", "LayerClocks", "Part", "layer_clocks", "node_streams", "parts_of", "render_rtl", "rtl_design",
    "rtl_files", "rtl_interval", "rtl_modules", "unit_texts",
]  # fmt: skip
