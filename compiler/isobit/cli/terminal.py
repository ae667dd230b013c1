"""The terminal: results on stdout, errors and progress on stderr, and what stood on the command line."""

from __future__ import annotations

from functools import partial
from typing import Any

from rich.console import Console

from isobit.api import progress

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
Progress = partial(progress.Progress, console=err)
"""What a command says of its progress, on stderr."""


def given(ctx: Any) -> dict[str, object]:
    """The options that stand on the command line, but those that say where to run and what to write."""
    own = {"output", "docker", "memory", "wide", "as_json"}
    options = [p for p in ctx.command.params if p.param_type_name == "option" and p.name and p.name not in own]
    sources = {p.name: ctx.get_parameter_source(str(p.name)) for p in options}
    return {
        max(p.opts, key=len): ctx.params[str(p.name)]
        for p in options
        if (found := sources[p.name]) is not None and found.name == "COMMANDLINE"
    }
