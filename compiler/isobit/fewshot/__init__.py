"""What decides behind a model: a head with run-time prototypes, their numbers, and the plain argmax."""

from isobit.fewshot.argmax import with_argmax, without_output
from isobit.fewshot.head import Head, head_of, with_head, without_head
from isobit.fewshot.prototypes import head_rows

__all__ = ["Head", "head_of", "head_rows", "with_argmax", "with_head", "without_head", "without_output"]
