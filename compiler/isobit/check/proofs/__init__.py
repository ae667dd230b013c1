"""A build's proofs checked again, from its files alone."""
