"""The outputs of a torch module on arrays, in batches: the first stages of what ``isobit accuracy`` compares."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from isobit.errors import IsobitError, printable

_BATCH = 256


@torch.no_grad()
def module_outputs(module: nn.Module, x: NDArray[Any]) -> NDArray[np.float32]:
    """What ``module``, in evaluation mode, makes of the batch ``x``: float32 ``(batch, ...)``.

    Raises:
        IsobitError: E607 for a module that does not take the samples or gives no tensor.
    """
    training = module.training
    module.eval()
    try:
        parts = [module(torch.from_numpy(np.ascontiguousarray(p, np.float32))) for p in _parts(x)]
        values = [p if isinstance(p, torch.Tensor) else p.value for p in parts]
        return np.concatenate([v.cpu().numpy().astype(np.float32) for v in values])
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        said = printable(str(error).partition("\n")[0], 200)
        raise IsobitError("E607", f"{type(module).__name__} does not take the samples: {said}") from error
    finally:
        module.train(training)


def _parts(x: NDArray[Any]) -> list[NDArray[Any]]:
    return [x[i : i + _BATCH] for i in range(0, len(x), _BATCH)]
