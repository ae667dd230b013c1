"""Which SystemVerilog module builds a template, and how what the plan says is written in that language."""

from __future__ import annotations

from isobit.backends.dataflow.catalogue import CATALOGUE, RtlUnit

RTL_UNITS: dict[str, RtlUnit] = {name: template.rtl for name, template in CATALOGUE.items()}
"""By template name."""

ROUNDINGS = ("ROUND", "HALF_UP", "HALF_DOWN", "CEIL", "FLOOR", "UP", "DOWN")
"""In the order of the module's parameter ``ROUNDING``."""

PLACES = {"": "auto", "auto": "auto", "lutram": "distributed", "srl": "distributed", "bram": "block", "uram": "ultra"}
"""Where a memory lies: the plan's word, and the attribute's."""
