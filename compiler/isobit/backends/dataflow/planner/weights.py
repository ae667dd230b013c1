"""How a matrix unit's weights are stored: as integers, as tapered codes that are decoded first, or as bits.

The planner asks the integers alone, whatever made them: weights that tapered fixed point of fewer bits can say (those
of a tapered network, and most floats of 4 bits) may be stored as its codes, and those of -1 and 1 as bits that select
inputs (:mod:`isobit.numerics.bipolar`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from isobit.backends.dataflow.layer import Candidate, LayerChoice
from isobit.errors import IsobitError
from isobit.hardware import Cost
from isobit.ir import Graph
from isobit.ir.memo import per_graph
from isobit.ir.ops import Const, Linear
from isobit.numerics.bipolar import Bipolar, is_bipolar
from isobit.numerics.formats import Tapered, least_tapered

Code = Tapered | Bipolar


@per_graph
def tapered_code(graph: Graph, node: Linear) -> Tapered | None:
    """The tapered format of fewest bits that has all weights of ``node`` and fewer bits than they; None without one."""
    weights = graph.by_name[node.inputs[1]]
    if not isinstance(weights, Const):
        return None
    return least_tapered(np.append(weights.value.reshape(-1), 0), graph.types[weights.name].bits)


@per_graph
def bipolar_code(graph: Graph, node: Linear) -> Bipolar | None:
    """That all weights of ``node`` are -1 or 1."""
    weights = graph.by_name[node.inputs[1]]
    plain = isinstance(weights, Const) and node.groups == 1
    return Bipolar() if plain and isinstance(weights, Const) and is_bipolar(weights.value) else None


def storages(
    graph: Graph, node: Linear, rows: int, choice: LayerChoice, cost: Callable[[Code | None], Cost]
) -> tuple[tuple[Candidate, Code | None], ...]:  # fmt: skip
    """The ways to store the weights in ``rows`` words, the cheapest (or what ``choice`` asks for) first.

    One word is no memory: its weights become part of the logic, and codes would save nothing.

    Raises:
        IsobitError: E503 when ``choice`` asks for codes that there are none of.
    """
    bits, code = graph.types[node.inputs[1]].bits, tapered_code(graph, node) if rows > 1 else None
    ways: list[tuple[Candidate, Code | None]] = [
        (Candidate("integers", cost(None), True, f"weights of {bits} bits"), None)
    ]
    if code:
        why = f"codes of {code.bits} bits, runs up to {code.run}, decoded beside the multipliers"
        ways.append((Candidate("tapered", cost(code), True, why), code))
    elif choice.weights == "tapered":
        message = "its weights have no tapered codes of fewer bits, or lie in a single word"
        raise IsobitError("E503", message, where=node.name, hint='weights = "integers", or leave the line out')
    if bits_alone := bipolar_code(graph, node):
        why = "weights of 1 bit, which select inputs: twice their sum, less the sum of all"
        ways.append((Candidate("bipolar", cost(bits_alone), True, why), bits_alone))
    elif choice.weights == "bipolar":
        message = "its weights are not all -1 or 1, or come in groups"
        raise IsobitError("E503", message, where=node.name, hint='weights = "integers", or leave the line out')
    return tuple(sorted(ways, key=lambda w: (choice.weights not in ("", w[0].implementation), w[0].cost.weight)))
