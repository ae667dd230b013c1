"""The body of every operation's C99 function: loops over ``x0``, ``x1`` .. (the operands) into ``y``.

In a body ``@name`` stands for one of its constants and ``@type`` for the type of ``y``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from isobit.interchange.staircases import Counted, staircases
from isobit.ir import Graph, Node, ops
from isobit.ir.types import IntArray


@dataclass(frozen=True)
class Body:
    """The statements of a function, and the constants that they read, by name."""

    code: str
    constants: Mapping[str, IntArray] = field(default_factory=dict)


Loop = tuple[str, int]
"""A variable and how often it counts."""


def loops(variables: Sequence[Loop], statements: str, depth: int = 1) -> str:
    """``statements`` inside loops, outermost first; variables that only take the value 0 are declared, not counted."""
    lines = []
    for name, count in variables:
        lines.append("    " * depth + f"for (int32_t {name} = 0; {name} < {count}; {name}++) {{")
        depth += 1
    lines += ["    " * depth + line if line else line for line in statements.splitlines()]
    for _ in variables:
        depth -= 1
        lines.append("    " * depth + "}")
    return "\n".join(lines)


def at(array: str, index: str) -> str:
    """An element."""
    return f"{array}[{index}]"


def flat(variables: Sequence[str], shape: Sequence[int]) -> str:
    """The flat position of an element, by Horner's rule."""
    text = ""
    for name, size in zip(variables, shape, strict=True):
        text = name if not text else f"({text}) * {size} + {name}"
    return text or "0"


def _of(values: Any, name: str, channel: str) -> str:
    """A constant that there is one of for all channels or one for each."""
    return f"@{name}[{channel if len(values) > 1 else 0}]"


def _pixels(graph: Graph, node: Node) -> list[Loop]:
    """Loops over the positions ``p`` and channels ``c`` of a node's value."""
    kind = graph.types[node.name]
    return [("p", kind.size // kind.channels), ("c", kind.channels)]


def _linear(graph: Graph, node: ops.Linear) -> Body:
    x, w, out = (graph.types[name] for name in (*node.inputs, node.name))
    kernel, fan_in, per_group = w.shape[1:-1], w.shape[-1], w.shape[0] // node.groups
    group = f" + o / {per_group} * {fan_in}" if node.groups > 1 else ""
    places = [f"o{i}" for i in range(len(out.shape) - 1)]
    taps = [f"t{i}" for i in range(len(kernel))]
    if kernel:
        spatial = zip(places, node.strides, taps, node.dilations, strict=True)
        pixels = [f"({o} * {s} + {t} * {d})" for o, s, t, d in spatial]
    else:
        pixels = places
    operand = flat([*pixels, f"i{group}"], x.shape)
    weight = flat(["o", *taps, "i"], w.shape)
    values = "x1" if node.inputs[0] != node.inputs[1] else "x0"
    term = f"sum += (int64_t)x0[{operand}] * {values}[{weight}];"
    inner = loops([*zip(taps, kernel, strict=True), ("i", fan_in)], term, 0)
    store = f"y[{flat([*places, 'o'], out.shape)}] = (@type)sum;"
    statements = "\n".join(["int64_t sum = 0;", inner, store])
    return Body(loops([*zip(places, out.shape[:-1], strict=True), ("o", w.shape[0])], statements))


def _add(graph: Graph, node: ops.Add) -> Body:
    kind = graph.types[node.name]
    variables = [f"i{axis}" for axis in range(len(kind.shape))]
    letters = {name: f"x{i}" for i, name in enumerate(dict.fromkeys(node.inputs))}
    terms, constants = [], {}
    for i, (name, factors) in enumerate(zip(node.inputs, node.coefficients, strict=True)):
        shape = graph.types[name].shape
        own = variables[len(variables) - len(shape) :]
        index = flat([v if size > 1 else "0" for v, size in zip(own, shape, strict=True)], shape)
        factor = ""
        if (factors != 1).any():
            constants[f"k{i}"] = factors
            factor = f"(int64_t){_of(factors, f'k{i}', variables[-1])} * "
        terms.append(f"{factor}{letters[name]}[{index}]" if factor else f"(int64_t){letters[name]}[{index}]")
    total = " + ".join(terms)
    store = f"y[{flat(variables, kind.shape)}] = (@type)({total});"
    return Body(loops(list(zip(variables, kind.shape, strict=True)), store), constants)


def _product(graph: Graph, node: ops.Product) -> Body:
    x, y = (graph.types[name] for name in node.inputs)
    other = "x1" if node.inputs[0] != node.inputs[1] else "x0"
    index = f"p * {x.channels} + c"
    factor = index if y.size == x.size else "c"
    return Body(loops(_pixels(graph, node), f"y[{index}] = (@type)((int64_t)x0[{index}] * {other}[{factor}]);"))


def _step(graph: Graph, node: ops.Step) -> Body:
    x = graph.types[node.inputs[0]]
    form, index = staircases(node, x), f"p * {x.channels} + c"
    if isinstance(form, Counted):
        count = form.cuts.shape[1]
        row = f"c * {count}" if len(form.cuts) > 1 else "0"
        search = (
            f"int32_t passed = 0, end = {count};\n"
            "while (passed < end) {\n"
            "    const int32_t middle = (passed + end) / 2;\n"
            f"    if ((int64_t)x0[{index}] >= @cuts[{row} + middle])\n"
            "        passed = middle + 1;\n"
            "    else\n"
            "        end = middle;\n"
            "}\n"
            f"y[{index}] = (@type)((int64_t){_of(form.start, 'start', 'c')} + passed);"
        )
        if count:
            return Body(loops(_pixels(graph, node), search), {"start": form.start, "cuts": form.cuts})
        constant = f"(void)x0;\ny[{index}] = (@type){_of(form.start, 'start', 'c')};"
        return Body(loops(_pixels(graph, node), constant), {"start": form.start})
    lo, hi = form.lo + form.base, form.hi + form.base
    m, c, k, low, high, base = (_of(form.m, name, "c") for name in ("m", "c", "k", "lo", "hi", "base"))
    shift = (
        f"int64_t v = (int64_t){m} * x0[{index}] + {c};\n"
        f"v = (int64_t)((uint64_t)v >> {k});\n"
        f"v = v < {low} ? {low} : v > {high} ? {high} : v;\n"
        f"y[{index}] = (@type)(v - {base});"
    )
    constants = {"m": form.m, "c": form.c, "k": form.k, "lo": lo, "hi": hi, "base": form.base}
    return Body(loops(_pixels(graph, node), shift), constants)


def _table(graph: Graph, node: ops.Table) -> Body:
    kind = graph.types[node.name]
    index, (rows, width) = f"p * {kind.channels} + c", node.values.shape
    row = f"c * {width} + " if rows > 1 else ""
    store = f"y[{index}] = (@type)@values[{row}((int64_t)x0[{index}] - {_of(node.lo, 'first', 'c')})];"
    return Body(loops(_pixels(graph, node), store), {"first": node.lo, "values": node.values})


def _maxpool(graph: Graph, node: ops.MaxPool) -> Body:
    x, out = graph.types[node.inputs[0]], graph.types[node.name]
    places, taps = ([f"{v}{i}" for i in range(len(node.kernel))] for v in "ot")

    def element(*tap: str) -> str:
        spatial = zip(places, node.strides, tap, node.dilations, strict=True)
        return f"x0[{flat([*(f'({o} * {s} + {t} * {d})' for o, s, t, d in spatial), 'c'], x.shape)}]"

    first = f"@type greatest = {element(*['0'] * len(taps))};"
    compare = f"if ({element(*taps)} > greatest)\n    greatest = {element(*taps)};"
    store = f"y[{flat([*places, 'c'], out.shape)}] = greatest;"
    statements = "\n".join([first, loops(list(zip(taps, node.kernel, strict=True)), compare, 0), store])
    return Body(loops([*zip(places, out.shape[:-1], strict=True), ("c", out.channels)], statements))


def _pad(graph: Graph, node: ops.Pad) -> Body:
    x, out = graph.types[node.inputs[0]], graph.types[node.name]
    fill = loops([("i", out.size)], f"y[i] = {node.value};")
    variables = [f"i{axis}" for axis in range(len(x.shape))]
    moved = [*(f"({v} + {b})" for v, b in zip(variables, node.before, strict=False)), variables[-1]]
    copy = f"y[{flat(moved, out.shape)}] = x0[{flat(variables, x.shape)}];"
    return Body(fill + "\n" + loops(list(zip(variables, x.shape, strict=True)), copy))


def _concat(graph: Graph, node: ops.Concat) -> Body:
    out = graph.types[node.name].shape
    letters = {name: f"x{i}" for i, name in enumerate(dict.fromkeys(node.inputs))}
    inner, parts, begin = prod(out[node.axis + 1 :]), [], 0
    for name in node.inputs:
        length = graph.types[name].shape[node.axis] * inner
        target = f"y[a * {out[node.axis] * inner} + {begin} + b]"
        copy = f"{target} = (@type){letters[name]}[a * {length} + b];"
        parts.append(loops([("a", prod(out[: node.axis])), ("b", length)], copy))
        begin += length
    return Body("\n".join(parts))


def _reindex(graph: Graph, node: ops.Reindex) -> Body:
    store = "y[i] = (@type)x0[@index[i]];"
    return Body(loops([("i", node.index.size)], store), {"index": node.index})


def _select(graph: Graph, node: ops.Select) -> Body:
    x = graph.types[node.inputs[0]]
    n = x.channels
    statements = (
        f"for (int32_t c = 0; c < {n}; c++) {{\n"
        "    int32_t place = 0;\n"
        f"    for (int32_t d = 0; d < {n}; d++)\n"
        f"        place += x0[p * {n} + d] > x0[p * {n} + c] || (d < c && x0[p * {n} + d] == x0[p * {n} + c]);\n"
        f"    if (place < {node.k})\n"
        f"        y[p * {node.k} + place] = (@type)c;\n"
        "}"
    )
    return Body(loops([("p", x.size // n)], statements))


BODIES: Mapping[type[Node], Callable[[Graph, Any], Body]] = {
    ops.Linear: _linear,
    ops.Add: _add,
    ops.Product: _product,
    ops.Step: _step,
    ops.Table: _table,
    ops.MaxPool: _maxpool,
    ops.Pad: _pad,
    ops.Concat: _concat,
    ops.Reindex: _reindex,
    ops.Select: _select,
}
