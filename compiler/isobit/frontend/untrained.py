"""Networks that look as if nobody had trained or calibrated them.

Brevitas starts every activation quantiser with a range of exactly one: a scale of ``1 / 2^(bits - 1)`` signed, of
``1 / (2^bits - 1)`` unsigned. Statistics of the first samples replace it. Where every quantiser of a network still has
it, no sample went through. A BatchNorm starts with means of exactly zero and variances of exactly one, which no sample
leaves as they are.
"""

from __future__ import annotations

import numpy as np

from isobit.frontend.onnx.model import SourceModel, SourceNode


def looks_untrained(model: SourceModel) -> str:
    """Why the network looks untrained: it has two or more ``Quant`` nodes on activations, or a ``BatchNormalization``,
    and all of them are as they start. "" where neither is so."""
    if _ranges_at_start(model):
        return "every activation quantiser has the range it starts with"
    norms = [node for node in model.nodes if node.op == "BatchNormalization"]
    if norms and all(_norm_at_start(model, node) for node in norms):
        return "no BatchNorm has the statistics of any sample"
    return ""


def _norm_at_start(model: SourceModel, node: SourceNode) -> bool:
    mean, variance = (model.constants.get(name) for name in node.inputs[3:5])
    return mean is not None and variance is not None and not mean.any() and bool((variance == 1).all())


def _ranges_at_start(model: SourceModel) -> bool:
    dependent = {info.name for info in model.inputs}
    found = []
    for node in model.nodes:
        if dependent.intersection(node.inputs):
            dependent.update(node.outputs)
            if node.op == "Quant":
                found.append(_at_start(model, node))
    return len(found) > 1 and all(found)


def _at_start(model: SourceModel, node: SourceNode) -> bool:
    parts = [model.constants.get(name) for name in node.inputs[1:4]]
    if any(part is None or part.size != 1 for part in parts):
        return False
    scale, zero, bits = (np.asarray(part).reshape(-1)[0] for part in parts)
    signed = bool(node.attrs.get("signed", 1))
    levels = 2.0 ** (float(bits) - 1) if signed else 2.0 ** float(bits) - 1
    return bool(zero == 0 and bits > 1 and np.float32(scale) == np.float32(1) / np.float32(levels))
