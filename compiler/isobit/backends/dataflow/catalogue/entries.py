"""The catalogue: one record per template, beside who makes it, in the file of its family.

To add a template, add its record there, its header and its test case.
"""

from __future__ import annotations

from isobit.backends.dataflow.catalogue import additions, joins, matrix, moves, plumbing, scaling, tables, windows
from isobit.backends.dataflow.catalogue.template import Template

_FAMILIES = (tables, scaling, matrix, additions, windows, joins, moves, plumbing)
CATALOGUE: dict[str, Template] = {t.name: t for family in _FAMILIES for t in family.TEMPLATES}
"""By the template's name."""
IMPLEMENTATIONS: dict[str, Template] = {name: t for t in CATALOGUE.values() for name in (t.name, *t.also)}
"""By the name that a plan has for it."""
