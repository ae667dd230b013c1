"""The second writer of a design: SystemVerilog beside the C++, from the same processes, constants and FIFO depths."""

from isobit.backends.dataflow.rtl.parts import PART, Part, PartPort, Single, parts_of, single_channel, unit_texts
from isobit.backends.dataflow.rtl.timing import LayerClocks, RtlNetwork, layer_clocks, rtl_design
from isobit.backends.dataflow.rtl.units import RTL_UNITS
from isobit.backends.dataflow.rtl.write import module_texts, node_streams, render_rtl, rtl_files, rtl_modules

__all__ = [
    "PART", "RTL_UNITS", "LayerClocks", "Part", "PartPort", "RtlNetwork", "Single", "layer_clocks", "module_texts",
    "node_streams", "parts_of", "render_rtl", "rtl_design", "rtl_files", "rtl_modules", "single_channel", "unit_texts",
]  # fmt: skip
