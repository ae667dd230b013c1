"""Few-shot classification: a head with run-time prototypes on a graph, and what its numbers are made from."""

from isobit.fewshot.head import Head, head_of, with_head, without_head
from isobit.fewshot.prototypes import head_rows

__all__ = ["Head", "head_of", "head_rows", "with_head", "without_head"]
