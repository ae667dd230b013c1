"""The dataflow backend: every operation a process, streams between them (FINN's architecture, our templates)."""

from isobit.backends.dataflow.lower import lower

__all__ = ["lower"]
