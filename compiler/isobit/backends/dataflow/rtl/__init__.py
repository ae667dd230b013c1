"""The second writer of a design: SystemVerilog beside the C++, from the same processes, constants and FIFO depths."""

from isobit.backends.dataflow.rtl.units import RTL_UNITS, RtlUnit
from isobit.backends.dataflow.rtl.write import render_rtl, rtl_modules

__all__ = ["RTL_UNITS", "RtlUnit", "render_rtl", "rtl_modules"]
