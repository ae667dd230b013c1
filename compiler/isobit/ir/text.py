"""The graph as text: one line per value; :mod:`isobit.ir.parse` reads it back.

    name : [64] u4{0..15} = step(fc1) curves=[{"m":5,"c":16,"k":9,"clamp":[0,15]}] source=["relu1"]

Attribute values are JSON (:mod:`isobit.ir.attributes`). ``full=False`` shortens arrays and curve lists for reading (not
parseable); the type is a comment for the reader and is inferred again by the parser.
"""

from __future__ import annotations

from isobit.ir.attributes import attribute_text, dump
from isobit.ir.facts import fact_record
from isobit.ir.graph import Graph

HEADER = "isobit graph 1"


def print_graph(graph: Graph, *, full: bool = True) -> str:
    """The whole graph, one line per value, ending with a newline."""
    lines = [HEADER]
    for node in graph.nodes:
        extra = "".join(f" {k}={dump(list(v))}" for k, v in (("source", node.source), ("rules", node.rules)) if v)
        if node.facts:
            extra += f" facts={dump([fact_record(f) for f in node.facts])}"
        head = f"{node.name} : {graph.types[node.name]} = {node.op}({', '.join(node.inputs)})"
        attributes = attribute_text(node, "full" if full else "short")
        lines.append(head + (" " + attributes if attributes else "") + extra)
    return "\n".join(lines) + "\n"
