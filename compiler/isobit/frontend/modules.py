"""A torch module as an export sees it: what goes in by name, what comes out by name, and what no export can take.

Nothing here imports torch: a module is looked at through its own attributes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from isobit.errors import IsobitError, did_you_mean, printable

if TYPE_CHECKING:
    import torch

Shape = tuple[int, ...]
Shapes = Shape | Mapping[str, Shape]
"""The shape of one sample without the batch, or one by name for each input."""

ONLY_INPUT, ONLY_OUTPUT = "input", "output"
SHAPE_HINT = "state the shape of one sample, without the batch, for example --input-shape 64 or --input-shape 3,32,32"

_RECURRENT = frozenset({"RNNBase", "RNNCellBase", "QuantRecurrentStackBase"})
_ATTENTION = frozenset({"MultiheadAttention", "QuantMultiheadAttention", "QuantScaledDotProductAttention"})


def refuse_unreadable(module: torch.nn.Module) -> None:
    """Refuse, before any export, a module with a part that has no exact integer meaning, or not in float32.

    Raises:
        IsobitError: E201, at the part; E108 for weights of another float type.
    """
    for name, part in module.named_modules():
        kinds = {kind.__name__ for kind in type(part).__mro__}
        what, where = type(part).__name__, printable(name or type(module).__name__)
        if kinds & _RECURRENT:
            hint = "unroll it over a fixed number of steps with quantisers between, or use a convolution over time"
            raise IsobitError(
                "E201", f"{what} is recurrent: it keeps a state from step to step", where=where, hint=hint
            )
        if kinds & _ATTENTION:
            hint = "use dense layers or convolutions, or an int8 TFLite file"
            raise IsobitError("E201", f"{what} multiplies activations by activations", where=where, hint=hint)
    for name, weights in module.named_parameters():
        kind = str(weights.dtype).removeprefix("torch.")
        if weights.dtype.is_floating_point and kind != "float32":
            hint = "call .float() on the module and check its accuracy: what is compiled follows float32"
            raise IsobitError("E108", f"its weights are {kind}", where=printable(name), hint=hint)


def input_shapes(module: torch.nn.Module, given: Shapes | None) -> dict[str, Shape]:
    """The shape of one sample of each input, in the order of the parameters of ``forward``.

    Args:
        given: by name, or one shape where there is one input, which is then called ``input``; without it the module's
            attribute ``input_shape``, else what its first layer says.

    Raises:
        IsobitError: E302 when they do not fit the module, or nothing says what they are.
    """
    where, needed, others = type(module).__name__, *_parameters(module)
    shapes = getattr(module, "input_shape", None) if given is None else given
    if shapes is None and len(needed) < 2:
        shapes = _of_first_layer(module)
    if isinstance(shapes, Mapping):
        return _by_name(shapes, needed, others, where)
    if len(needed) > 1:
        hint = "state each one: --input-shape " + " ".join(f"{name}=..." for name in needed)
        raise IsobitError("E302", f"it takes {len(needed)} inputs: {', '.join(needed)}", where=where, hint=hint)
    return {ONLY_INPUT: checked_shape(shapes, where)}


def checked_shape(shape: Any, where: str) -> Shape:
    """A shape of positive whole numbers.

    Raises:
        IsobitError: E302 for anything else.
    """
    checked = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if not checked or not all(isinstance(size, int) and size > 0 for size in checked):
        raise IsobitError("E302", f"the input shape is {printable(shape)}", where=where, hint=SHAPE_HINT)
    return checked


def _by_name(shapes: Mapping[str, Any], needed: list[str], others: list[str] | None, where: str) -> dict[str, Shape]:
    found = {name: checked_shape(shape, where) for name, shape in shapes.items()}
    if others is None:  # forward(*args): any names, in the order given
        return found
    known = [*needed, *others]
    for name in found:
        if name not in known:
            hint = did_you_mean(name, known)
            raise IsobitError("E302", f"it has no input {printable(name)!r}", where=where, hint=hint)
    ordered = [name for name in known if name in found]
    if ordered != known[: max(len(found), len(needed))]:
        missing = next(name for name in known if name not in found)
        hint = f"add {missing}=... to --input-shape"
        raise IsobitError("E302", f"nothing says the shape of its input {missing!r}", where=where, hint=hint)
    return {name: found[name] for name in ordered}


def _parameters(module: torch.nn.Module) -> tuple[list[str], list[str] | None]:
    """The names that ``forward`` needs, and those it may do without; None where it takes any number."""
    needed: list[str] = []
    others: list[str] = []
    for name, parameter in inspect.signature(module.forward).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return [], None
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            (needed if parameter.default is parameter.empty else others).append(name)
    return needed, others


def _of_first_layer(module: torch.nn.Module) -> Shape:
    """What a network that begins with a dense layer reads; E302 for any other."""
    first = next((layer for layer in module.modules() if getattr(layer, "weight", None) is not None), None)
    if first is None or "Linear" not in {kind.__name__ for kind in type(first).__mro__}:
        where = type(module).__name__
        raise IsobitError("E302", "the input shape cannot be inferred", where=where, hint=SHAPE_HINT)
    return (int(getattr(first, "in_features")),)  # noqa: B009, mypy takes any attribute of a module for a tensor


def named_outputs(made: Any) -> dict[str, Any]:
    """What a module returned as plain tensors by name: ``output``, or ``output_0``, ``output_1`` of a tuple, or a
    dictionary's keys; what lies deeper is joined by underscores. Of a QuantTensor it is the value."""
    return dict(_named("", made))


def _named(name: str, made: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(made, "bit_width"):  # a QuantTensor, which is a tuple too
        yield name or ONLY_OUTPUT, made.value
    elif isinstance(made, Mapping):
        for key, part in made.items():
            yield from _named(f"{name}_{key}" if name else str(key), part)
    elif isinstance(made, (tuple, list)):
        for index, part in enumerate(made):
            yield from _named(f"{name or ONLY_OUTPUT}_{index}", part)
    else:
        yield name or ONLY_OUTPUT, made


def returning_tensors(forward: Callable[..., Any]) -> Callable[..., Any]:
    """``forward``, whose outputs are the plain tensors of :func:`named_outputs`: one, or a tuple of several."""

    @functools.wraps(forward)
    def plain(*args: Any, **options: Any) -> Any:
        tensors = tuple(named_outputs(forward(*args, **options)).values())
        return tensors[0] if len(tensors) == 1 else tensors

    return plain
