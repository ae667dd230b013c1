"""From a float network to a quantised one, by Brevitas' graph mode: every layer, activation and sum gets its quantizer.

The network is traced; BatchNorms stay behind their layers (isobit folds them into the requantizers) or are merged into
the weights; ReLU, leaky ReLU, residual sums, pools and flattening are taken as they are. What cannot be traced is
refused.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.nn.quant_layer import QuantNonLinearActLayer
from torch import Tensor, nn

from isobit.errors import IsobitError, printable
from isobit.train.filled import remember
from isobit.train.schemes import Format, Formats, Free

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it says which kernels it does without
    from brevitas.graph.quantize import UNSIGNED_ACT_TUPLE, preprocess_for_quantize, quantize

Rule = Mapping[str, Format] | Callable[[str, nn.Module], Format | None]
"""Formats of layers of their own: by a pattern of their names (``blocks.0.*``), or by a function of name and module."""
LAYERS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: qnn.QuantConv1d, nn.Conv2d: qnn.QuantConv2d, nn.Linear: qnn.QuantLinear,
}  # fmt: skip
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_MOST_SHIFT = 32


class QuantLeakyReLU(QuantNonLinearActLayer):  # type: ignore[misc]
    """Leaky ReLU and a signed quantizer."""

    def __init__(self, act_quant: Any, negative_slope: float, return_quant_tensor: bool = False) -> None:
        super().__init__(
            act_impl=nn.LeakyReLU, passthrough_act=False, input_quant=None, act_quant=act_quant,
            return_quant_tensor=return_quant_tensor, negative_slope=negative_slope,
        )  # fmt: skip
        self.negative_slope = negative_slope


def quantised(
    model: nn.Module, formats: Formats, *, rule: Rule | None = None, merge_batchnorm: bool = False,
    fit_range: bool = True, equalise: int = 0,
) -> nn.Module:  # fmt: skip
    """A quantised copy of a float network, in evaluation mode; the network itself is left alone.

    Args:
        rule: formats of weights (of layers) and activations (of activation modules) that differ from ``formats``.
        merge_batchnorm: merge BatchNorms into the weights before them.
        fit_range: where a format has a fixed range, multiply each channel's weights by the power of two with which they
            fill it, and divide in the BatchNorm behind: the float network stays what it is, and
            :func:`isobit.train.fit` trains it as if they had not been multiplied.
        equalise: iterations of Brevitas' cross-layer equalisation.

    Raises:
        IsobitError: E311 for a network that cannot be traced, has weights that are no numbers, or no layers.
    """
    _refuse_bad(model)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about Brevitas' use of it
        graph = _traced(copy.deepcopy(model).cpu().eval(), merge_batchnorm, equalise)
        filled = _fill_range(graph, formats.weights, rule) if fit_range else {}
        made = _quantised(graph, formats.plain)
        for name, factor in filled.items():
            remember(made.get_submodule(name), factor)
        if isinstance(formats.acts, Free):
            _free_activations(made, formats.acts)
        if rule is not None:
            _apply(made, rule)
    made.eval()
    return made  # type: ignore[no-any-return]


def _refuse_bad(model: nn.Module) -> None:
    where = type(model).__name__
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            hint = "train it again, with a lower rate"
            raise IsobitError("E311", f"{printable(name)} holds values that are no numbers", where=where, hint=hint)
    if not any(isinstance(m, tuple(LAYERS)) for m in model.modules()):
        kinds = ", ".join(sorted(k.__name__ for k in LAYERS))
        raise IsobitError("E311", "there is no layer to quantise", where=where, hint=f"it quantises {kinds}")
    slopes = {m.negative_slope for m in model.modules() if isinstance(m, nn.LeakyReLU)}
    if len(slopes) > 1:
        raise IsobitError("E311", f"leaky ReLUs of different slopes: {sorted(slopes)}", where=where, hint="use one")


def _traced(model: nn.Module, merge: bool, equalise: int) -> Any:
    """The network as a graph of modules, by Brevitas' own preparation."""
    try:
        made = preprocess_for_quantize(model, merge_bn=merge, equalize_iters=equalise)
    except Exception as error:
        message = f"it cannot be traced: {type(error).__name__}: {printable(str(error).partition(chr(10))[0], 200)}"
        hint = "write the forward pass without branches on tensors"
        raise IsobitError("E311", message, where=type(model).__name__, hint=hint) from error
    return made


def _quantised(graph: Any, formats: Formats) -> Any:
    bias = formats.bias or formats.weights
    layer = {"weight_quant": formats.weights.weight, "bias_quant": bias.bias, "return_quant_tensor": False}
    slope = next((m.negative_slope for m in graph.modules() if isinstance(m, nn.LeakyReLU)), 0.0)
    signed, unsigned = (
        {"act_quant": q, "return_quant_tensor": False} for q in (formats.acts.signed, formats.acts.unsigned)
    )
    made = quantize(
        graph,
        quant_identity_map={"signed": (qnn.QuantIdentity, signed), "unsigned": (qnn.QuantIdentity, unsigned)},
        compute_layer_map={kind: (quantiser, layer) for kind, quantiser in LAYERS.items()},
        quant_act_map={
            nn.ReLU: (qnn.QuantReLU, unsigned),
            nn.LeakyReLU: (QuantLeakyReLU, {**signed, "negative_slope": slope}),
        },
        unsigned_act_tuple=UNSIGNED_ACT_TUPLE,
    )
    if formats.entry is not None:
        for node in made.graph.nodes:
            if node.op == "placeholder":
                _replace(made.get_submodule(f"{node.name}_quant"), "act_quant", formats.entry.signed)
    return made


def _free_activations(made: Any, acts: Free) -> None:
    """Every activation but the network's input gets the format; Brevitas shares its own between summands."""
    entries = {f"{node.name}_quant" for node in made.graph.nodes if node.op == "placeholder"}
    for name, module in list(made.named_modules()):
        if hasattr(module, "act_quant") and name not in entries:
            _replace(module, "act_quant", acts.signed)
            module.return_quant_tensor = False


def _fill_range(graph: Any, weights: Format, rule: Rule | None) -> dict[str, Tensor]:
    """``(2^k w)`` with the statistics of the BatchNorm behind it scaled alike: the same function. 2^k by layer."""
    modules, filled = dict(graph.named_modules()), {}
    for node in graph.graph.nodes:
        norm = modules.get(str(node.target)) if node.op == "call_module" else None
        source = node.args[0] if isinstance(norm, _NORMS) and norm.track_running_stats else None
        if source is None or source.op != "call_module" or len(source.users) != 1:
            continue
        layer = modules.get(str(source.target))
        if isinstance(layer, tuple(LAYERS)) and isinstance(norm, _NORMS):
            own = None if rule is None else _chosen(rule, str(source.target), modules[str(source.target)])[1]
            reach = (own or weights).reach
            if reach is not None:
                filled[str(source.target)] = _scale_channels(layer, norm, reach)
    return filled


@torch.no_grad()
def _scale_channels(layer: Any, norm: Any, reach: float) -> Tensor:
    most = layer.weight.flatten(1).abs().amax(1)
    # a channel of vanishing weights is as good as none: its statistics stay numbers of float32
    powers = torch.tensor([min(math.floor(math.log2(reach / m)), _MOST_SHIFT) if m > 0 else 0 for m in most.tolist()])
    factor = torch.pow(2.0, powers)
    layer.weight.mul_(factor.reshape(-1, *[1] * (layer.weight.dim() - 1)))
    if layer.bias is not None:  # in the mean it saturates at no format's end
        norm.running_mean.sub_(layer.bias)
        layer.bias.zero_()
    norm.running_mean.mul_(factor)
    norm.running_var.copy_(factor**2 * (norm.running_var + norm.eps) - norm.eps)
    return factor


def _apply(model: nn.Module, rule: Rule) -> None:
    """The formats that ``rule`` gives to layers and activations of their own."""
    unused = set(rule) if isinstance(rule, Mapping) else set()
    for name, module in model.named_modules():
        for kind in ("weight_quant", "act_quant"):
            if hasattr(module, kind):
                pattern, chosen = _chosen(rule, name, module)
                unused.discard(pattern)
                if chosen is not None:
                    own = chosen.weight if kind == "weight_quant" else _signed(module, chosen)
                    _replace(module, kind, own)
    if unused:
        raise IsobitError("E311", f"no layer is called {printable(sorted(unused)[0])!r}", hint=_names(model))


def _chosen(rule: Rule, name: str, module: nn.Module) -> tuple[str, Format | None]:
    if not isinstance(rule, Mapping):
        return "", rule(name, module)
    return next(((p, f) for p, f in rule.items() if fnmatchcase(name, p)), ("", None))


def _signed(module: Any, chosen: Format) -> type[Any]:
    return chosen.signed if module.act_quant.is_signed else chosen.unsigned


def _replace(module: Any, kind: str, quantizer: Any) -> None:
    """Give a Brevitas module another quantizer in the place of the one it has."""
    if kind == "act_quant":
        made = type(module)(**_own_options(module), act_quant=quantizer)
        module.act_quant = made.act_quant
        return
    module.weight_quant = quantizer.proxy_class(module, quantizer)


def _own_options(module: Any) -> dict[str, Any]:
    return {"negative_slope": module.negative_slope} if isinstance(module, QuantLeakyReLU) else {}


def _names(model: nn.Module) -> str:
    names = [n for n, m in model.named_modules() if hasattr(m, "weight_quant") or hasattr(m, "act_quant")]
    return "one of " + ", ".join(map(printable, names[:30]))
