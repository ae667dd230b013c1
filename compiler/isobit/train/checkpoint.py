"""Checkpoints that an interruption cannot spoil: one file, replaced as a whole, that continues a run bit for bit."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from isobit.errors import IsobitError, printable


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes ``state`` (tensors, numbers, text, lists and dictionaries of them) to ``path``.

    Raises:
        IsobitError: E601 if the file cannot be written; an earlier one is then unharmed.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        raise IsobitError("E601", printable(error), where=str(path)) from error


def load(path: Path, run: dict[str, Any], device: torch.device) -> dict[str, Any] | None:
    """What :func:`save` wrote, or None where there is no file; ``run`` must be the one that it was written for.

    Raises:
        IsobitError: E306 if the file is no checkpoint, or one of another run. No code in the file is executed.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        written = state["run"]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise IsobitError("E306", "it is no checkpoint of isobit", where=str(path), hint="delete it") from error
    if written != run:
        name = next(key for key in run if written.get(key) != run[key])
        message = f"it was written for {name} = {printable(written.get(name))}, this run has {run[name]}"
        raise IsobitError("E306", message, where=str(path), hint="give each run a checkpoint of its own")
    return state


def module_state(model: nn.Module) -> dict[str, Any]:
    """The state of a module, with the counters of Brevitas' calibration, which its own state leaves out."""
    counters = {name: part.counter for name, part in model.named_modules() if _counts(part)}
    tensors = {kind: {k: t.detach().clone() for k, t in part.items()} for kind, part in _tensors(model).items()}
    return {"counters": counters, **tensors}


@torch.no_grad()
def load_module_state(model: nn.Module, state: dict[str, Any], where: str) -> None:
    """The inverse of :func:`module_state`, in place.

    Raises:
        IsobitError: E306 if the state is that of another module.
    """
    if _shapes(state) != _shapes(module_state(model)):
        raise IsobitError("E306", "it was written for another network", where=where, hint="delete it")
    for kind, tensors in _tensors(model).items():
        for name, value in state[kind].items():
            tensors[name].copy_(value)
    for name, part in model.named_modules():
        if _counts(part):
            part.counter = state["counters"][name]


def _shapes(state: dict[str, Any]) -> dict[str, object]:
    tensors = {kind: {k: t.shape for k, t in state[kind].items()} for kind in ("parameters", "buffers")}
    return {"counters": set(state["counters"]), **tensors}


def _tensors(model: nn.Module) -> dict[str, dict[str, Tensor]]:
    parameters = dict(model.named_parameters(remove_duplicate=False))
    return {"parameters": dict(parameters), "buffers": dict(model.named_buffers(remove_duplicate=False))}


def _counts(part: nn.Module) -> bool:
    return isinstance(getattr(part, "counter", None), int)
