"""Rung 2 of the ladder: a source model's weights requantised so that k-bit multiplicands are exact."""
