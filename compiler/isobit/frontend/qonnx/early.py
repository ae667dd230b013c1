"""What is seen of a whole model before any work: whether anything in it is quantised."""

from __future__ import annotations

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import LINEAR_QUANTISERS, OWN_OPERATORS, QUANTISERS, SourceModel

_ALL = QUANTISERS | LINEAR_QUANTISERS | OWN_OPERATORS
_TOOLS = "brevitas.nn layers, or onnxruntime.quantization.quantize_static in QDQ form"


def refuse_floats(model: SourceModel) -> None:
    """Refuse a network of floats, and one in which only weights are quantised; for inputs of undeclared floats.

    Raises:
        IsobitError: E203 where nothing is quantised, E209 where no activation is.
    """
    if not model.nodes:
        return
    dependent = {info.name for info in model.inputs}
    quantised = False
    for node in model.nodes:
        if node.op in _ALL:
            if node.inputs[0] in dependent:
                return
            quantised = True
        if dependent.intersection(node.inputs):
            dependent.update(node.outputs)
    where = ", ".join(printable(info.label) for info in model.inputs)
    if not quantised:
        hint = f"quantise it first: {_TOOLS}"
        raise IsobitError("E203", "nothing in this model is quantised", where=where, hint=hint)
    hint = f"quantise the activations too: {_TOOLS}; one layer alone takes integers with --input-type UINT8"
    raise IsobitError("E209", "only the weights are quantised, no activation is", where=where, hint=hint)
