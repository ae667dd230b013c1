"""Post-training steps on a quantised network, each on its own switch, driven by batches of data.

Order: scales of activations (where a format has any), GPTQ or learned rounding, bias correction. What is random has a
fixed seed, so that an interrupted run is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from brevitas.core.scaling.standalone import ParameterFromRuntimeStatsScaling
from brevitas.graph.calibrate import bias_correction_mode, calibration_mode
from brevitas.graph.gptq import gptq_mode
from torch import Tensor, nn

from isobit.errors import IsobitError, printable
from isobit.train.formats import calibrate
from isobit.train.learned_rounding import learn_rounding

Progress = Callable[[str], None]
BATCH = 64


@torch.no_grad()
def calibrated(
    model: nn.Module, inputs: Tensor, *, gptq: bool = False, bias_correction: bool = False,
    learned_rounding: int = 0, progress: Progress = lambda _: None,
) -> nn.Module:  # fmt: skip
    """Post-training quantisation of ``model`` in place; it is returned in evaluation mode.

    Whatever quantiser finds its scale in data is shown some: of the network's formats, of the input's, of a layer's
    own.

    Args:
        inputs: calibration samples [N, ...], as the network takes them.
        gptq: choose the weights' integers layer by layer, so that later ones make up for earlier ones' errors.
        learned_rounding: iterations for each layer in which its weights learn whether to be rounded up or down.
        bias_correction: add to each bias what quantisation took from the mean of its channel.

    Raises:
        IsobitError: E311 without samples, for samples that the network does not take, for GPTQ with learned rounding.
    """
    refuse_samples(model, inputs)
    if gptq and learned_rounding:
        raise IsobitError("E311", "GPTQ and learned rounding both choose the weights' integers", hint="ask for one")
    model.eval()
    if any(isinstance(module, ParameterFromRuntimeStatsScaling) for module in model.modules()):
        progress("calibrating activations")
        with calibration_mode(model):
            _pass(model, inputs)
    calibrate(model, inputs, BATCH)
    if gptq:
        with gptq_mode(model, use_quant_activations=True, create_weight_orig=False) as mode:
            for number in range(mode.num_layers):
                progress(f"GPTQ: layer {number + 1} of {mode.num_layers}")
                _pass(mode.model, inputs)
                mode.update()
    if learned_rounding:
        learn_rounding(model, inputs, learned_rounding, progress=progress)
    if bias_correction:
        progress("correcting biases")
        with bias_correction_mode(model):
            _pass(model, inputs)
    return model.eval()


def refuse_samples(model: nn.Module, inputs: Tensor) -> None:
    """No samples, values that are no numbers, or a shape that ``model``, left in evaluation mode, does not take.

    Raises:
        IsobitError: E311.
    """
    if not len(inputs):
        raise IsobitError("E311", "there is no calibration data", hint="give --data with training samples")
    if not torch.isfinite(inputs).all():
        raise IsobitError("E311", "the calibration data holds values that are no numbers")
    try:
        model.eval()(inputs[:1])
    except Exception as error:
        said = printable(str(error).partition("\n")[0], 200)
        what = f"the network does not take samples of shape {tuple(inputs.shape[1:])}: {said}"
        raise IsobitError("E311", what, hint="data of the shape that the network was made for") from error


def _pass(model: nn.Module, inputs: Tensor) -> None:
    for part in _batches(inputs):
        model(part)


def _batches(inputs: Tensor) -> Iterator[Tensor]:
    yield from torch.split(inputs, BATCH)
