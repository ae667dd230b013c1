"""A build as a package for a PYNQ board."""
