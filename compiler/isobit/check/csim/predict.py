"""Predictions: a user's samples through the compiled C++, back in the model's own layout and names.

What comes out is what the model itself would hand to its user: real values, with the host's last float functions
(Softmax ...) applied. Integers never go without the scale and offset that say what they mean: where these differ
between channels, even the order of two integers says nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.build.folder import Build
from isobit.check.csim.parts import in_parts
from isobit.check.csim.ready import made_ready
from isobit.check.csim.run import DEFAULT_TIMEOUT, given_integers, interpreted, simulator
from isobit.check.csim.samples import SampleForm
from isobit.errors import CheckFailed, IsobitError, printable
from isobit.interp import dequantise
from isobit.interp.host import apply_host_op
from isobit.interp.work import multiply_accumulates
from isobit.ir import Graph
from isobit.ir.ops import Output
from isobit.ir.types import IntArray

_MOVES = frozenset({"reshape", "transpose"})
_BESIDE, _BESIDE_MACS = 16, 1_000_000_000
"""Samples that the interpreter runs too, and the multiply-accumulates that it may take for more than the first."""


@dataclass(frozen=True, eq=False)
class Integers:
    """An output's integers, and what they mean: ``values * scale + offset``, element by element, is the real value.

    ``values`` is int64 ``(batch, *shape)`` in the model's layout, ``scale`` and ``offset`` float64 ``shape``.
    ``functions`` are the float functions that the model applies behind that real value, by name; mostly none.
    """

    values: IntArray
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    functions: tuple[str, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether the greatest integer is the greatest real value: one positive scale and one offset for all."""
        first = self.scale.flat[0], self.offset.flat[0]
        return bool(first[0] > 0 and (self.scale == first[0]).all() and (self.offset == first[1]).all())


def predict(
    build: Build, inputs: Any, *, integers: bool = False, graph: bool = False, samples: SampleForm | None = None,
    compiler: str | None = None, timeout: float = DEFAULT_TIMEOUT, progress: Callable[[str], None] = lambda _: None,
) -> Any:  # fmt: skip
    """What the compiled C++ says of ``inputs``; :func:`predictions` by another face.

    Args:
        inputs: one sample or a batch of them, as :func:`isobit.csim` takes them.
        integers: :class:`Integers` in the place of real values.

    Returns:
        float32 ``(batch, *shape)``, without the batch axis for one sample; where there are several outputs a dictionary
        of such arrays by the model's names.

    Raises:
        IsobitError: E604, E605, E607; CheckFailed: E606, and E624 where C++ and graph differ on the first samples. The
            build need not have been simulated before.
    """
    given, single = one_or_many(build.graph, inputs, samples)
    vectors = given_integers(build.graph, given, samples)
    made = predictions(build, vectors, graph=graph, compiler=compiler, timeout=timeout, progress=progress)
    if not graph:
        _refuse_others(build.graph, vectors, made, progress)
    results: dict[str, Any] = {}
    for node in build.graph.outputs:
        if integers:
            found = meant(build.graph, node, made[node.name])
            values = found.values[0] if single else found.values
            results[node.outside] = Integers(values, found.scale, found.offset, found.functions)
        else:
            reals = real_values(node, made[node.name])
            results[node.outside] = reals[0] if single else reals
    return next(iter(results.values())) if len(results) == 1 else results


def predictions(
    build: Build, integers: Mapping[str, IntArray], *, graph: bool = False, compiler: str | None = None,
    timeout: float = DEFAULT_TIMEOUT, progress: Callable[[str], None] = lambda _: None,
) -> dict[str, IntArray]:  # fmt: skip
    """The output integers ``(batch, *shape)`` by the graph's names, on all cores.

    Args:
        integers: of every input of the graph, by its name.
        graph: ask the interpreter, not the C++.
        timeout: seconds for one part of the batch.

    Raises:
        IsobitError: E604, E605; CheckFailed: E606.
    """
    if graph:
        return interpreted(build.graph, integers, progress)
    flavour = build.backend.flavours(checked=False)[-1]
    with tempfile.TemporaryDirectory(prefix="isobit-predict-") as scratch:
        one = simulator(build, flavour, Path(scratch), compiler, len(next(iter(integers.values()))))
        try:
            made_ready(build, [one], progress)
            return dict(in_parts(build.graph, one, integers, timeout, progress).outputs)
        finally:
            one.stop()


def _refuse_others(
    graph: Graph, integers: Mapping[str, IntArray], made: Mapping[str, IntArray], progress: Callable[[str], None]
) -> None:  # fmt: skip
    """E624 where the interpreter says something else of the first samples."""
    count = min(_BESIDE, max(1, _BESIDE_MACS // max(multiply_accumulates(graph), 1)))
    wanted = interpreted(graph, {name: x[:count] for name, x in integers.items()}, progress)
    for node in graph.outputs:
        differ = (made[node.name][:count] != wanted[node.name]).reshape(len(wanted[node.name]), -1).any(axis=1)
        if differ.any():
            raise CheckFailed(
                "E624", f"{int(differ.sum())} of the first {len(differ)} samples", where=printable(node.outside),
                hint="isobit csim names the layer; --graph (graph=True) predicts by the graph",
            )  # fmt: skip


def one_or_many(graph: Graph, inputs: Any, samples: SampleForm | None = None) -> tuple[Any, bool]:
    """``inputs`` with a batch axis, and whether they had none: a sample's own shape says so."""
    given = {name: _array(x) for name, x in inputs.items()} if isinstance(inputs, Mapping) else _array(inputs)
    shapes = {node.outside: node.shape if samples == "graph" else node.outside_shape for node in graph.inputs}
    arrays = given if isinstance(given, dict) else dict.fromkeys(shapes, given)
    if not shapes.keys() <= arrays.keys() or any(arrays[n].shape != shape for n, shape in shapes.items()):
        return given, False
    return {name: array[None] for name, array in arrays.items()} if isinstance(given, dict) else given[None], True


def real_values(node: Output, integers: IntArray) -> NDArray[Any]:
    """float32 ``(batch, *outside_shape)``: what the model hands to its user."""
    return np.asarray(dequantise(node, integers).reshape(len(integers), *node.outside_shape))


def meant(graph: Graph, node: Output, integers: IntArray) -> Integers:
    """Output integers in the model's layout, with their scale and offset."""
    shape = graph.types[node.name].shape

    def each(values: tuple[Fraction, ...]) -> NDArray[np.float64]:
        spread = np.broadcast_to(np.array([float(v) for v in values]), shape)
        return np.ascontiguousarray(_moved(node, spread[None])[0])

    functions = tuple(op.kind for op in node.host if op.kind not in _MOVES)
    return Integers(_moved(node, integers).astype(np.int64), each(node.scale), each(node.offset), functions)


def _moved(node: Output, values: NDArray[Any]) -> NDArray[Any]:
    for op in node.host:
        if op.kind in _MOVES:
            values = apply_host_op(op, values)
    return values.reshape(len(values), *node.outside_shape)


def _array(x: Any) -> NDArray[Any]:
    """Lists and tensors of other packages as numpy arrays."""
    try:
        return np.asarray(x.detach().cpu().numpy() if hasattr(x, "detach") else x)
    except (TypeError, ValueError) as error:
        raise IsobitError("E607", printable(error), hint="give a numpy array, batch first") from error
