"""What each resource is worth beside the others, and what is too large to be built: the one place for both.

A PYNQ-Z1 has 242 LUTs to a DSP and 380 to a block RAM, a KV260 813 to a block RAM and 1830 to an UltraRAM; the prices
leave some of each for the rest of the design.
"""

from __future__ import annotations

from isobit.numerics import Prices

PRICES = Prices()
"""What the passes weigh with; the same for all boards, so that a model's graph is the same on all of them."""

LUTS_PER_DSP = PRICES.dsp
LUTS_PER_BRAM = 240
LUTS_PER_URAM = 600

MOST_LEVELS = PRICES.few_levels
"""Thresholds of a step that is built as comparisons, at most."""
MOST_ENTRIES = PRICES.small_domain
"""Entries a channel of a step that is built as a table, at most."""
MOST_ROW_BITS = 1 << 16
"""Bits of one word of a reshaped array, at most: beyond that HLS refuses to reshape."""
