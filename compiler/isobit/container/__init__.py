"""Compilation and simulation in a container without network and rights."""
