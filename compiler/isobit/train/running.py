"""The outputs of a torch module on arrays, in batches: the first stages of what ``isobit accuracy`` compares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from isobit.errors import IsobitError, printable

_BATCH = 256


@torch.no_grad()
def module_outputs(
    module: nn.Module, x: NDArray[Any], told: Callable[[int], None] = lambda _: None
) -> NDArray[np.float32]:
    """What ``module``, in evaluation mode, makes of the batch ``x``: float32 ``(batch, ...)``.

    ``told`` is given how many samples are done, before every part.

    Raises:
        IsobitError: E607 for a module that does not take the samples or gives no tensor.
    """
    training = module.training
    module.eval()
    try:
        values = []
        for first in range(0, len(x), _BATCH):
            told(first)
            made = module(torch.from_numpy(np.ascontiguousarray(x[first : first + _BATCH], np.float32)))
            value = made if isinstance(made, torch.Tensor) else made.value
            values.append(value.cpu().numpy().astype(np.float32))
        return np.concatenate(values)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        said = printable(str(error).partition("\n")[0], 200)
        raise IsobitError("E607", f"{type(module).__name__} does not take the samples: {said}") from error
    finally:
        module.train(training)
