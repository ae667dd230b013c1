"""Everything real-valued ends here: source models become integer graphs with exact rational scales."""
