"""What Vitis HLS would reject or warn about, found in the generated sources."""
