"""The dataflow backend: every operation a process, streams between them (FINN's architecture, our templates)."""

from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.lower import lower
from isobit.backends.dataflow.whole import whole_design

__all__ = ["lower", "size_fifos", "whole_design"]
