"""The integer graph: operations, ranges as types, verifier, text."""

from isobit.ir.graph import Graph, substitute, toposort
from isobit.ir.ops import (
    OPS,
    Add,
    Concat,
    Const,
    HostOp,
    Input,
    Linear,
    MaxPool,
    Node,
    Output,
    Pad,
    Product,
    Quantiser,
    Reindex,
    Select,
    Step,
    Table,
    frozen_ints,
)
from isobit.ir.parse import parse_graph
from isobit.ir.ranges import accumulator_interval
from isobit.ir.text import print_graph
from isobit.ir.types import ValueType
from isobit.ir.verify import verify

__all__ = [
    "OPS",
    "Add",
    "Concat",
    "Const",
    "Graph",
    "HostOp",
    "Input",
    "Linear",
    "MaxPool",
    "Node",
    "Output",
    "Pad",
    "Product",
    "Quantiser",
    "Reindex",
    "Select",
    "Step",
    "Table",
    "ValueType",
    "accumulator_interval",
    "frozen_ints",
    "parse_graph",
    "print_graph",
    "substitute",
    "toposort",
    "verify",
]
