"""What each resource is worth beside the others, and what is too large to be built: the one place for both.

A PYNQ-Z1 has 242 LUTs to a DSP and 380 to a block RAM, a KV260 813 to a block RAM and 1830 to an UltraRAM; the prices
leave some of each for the rest of the design.
"""

from __future__ import annotations

LUTS_PER_DSP = 60
LUTS_PER_BRAM = 240
LUTS_PER_URAM = 600

MOST_LEVELS = 255
"""Thresholds of a step that is built as comparisons, at most."""
MOST_ENTRIES = 1 << 16
"""Entries a channel of a step that is built as a table, at most."""
MOST_ROW_BITS = 1 << 16
"""Bits of one word of a reshaped array, at most: beyond that HLS refuses to reshape."""
