"""Graph and plan to a dataflow design: one process per operation, streams single-producer single-consumer.

A value read twice gets a fork, a producer and a consumer of different width get a width converter. FIFO depths come
later (:mod:`isobit.backends.dataflow.fifo`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from isobit.backends.dataflow.catalogue import CATALOGUE, IMPLEMENTATIONS
from isobit.backends.dataflow.catalogue.joins import concat
from isobit.backends.dataflow.catalogue.windows import block_constants
from isobit.backends.dataflow.design import Design, Process, Stream
from isobit.backends.dataflow.edges import passes_through, port_constants, port_of, reads_rows
from isobit.backends.dataflow.geometry import geometry
from isobit.backends.dataflow.planner import Plan
from isobit.backends.dataflow.planner.blocks import block
from isobit.backends.dataflow.rows import frame_words, slack_row, width_of
from isobit.backends.dataflow.words import suffixes
from isobit.backends.ports import IntType, Port
from isobit.errors import IsobitError
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Concat, Const, Input, Linear, MaxPool, Output, Reindex

_PREFIXES = ("cfg_", "s_", "in_", "out_", "beat_in_", "beat_out_")
"""What the templates put before a node's name: a process's constants, a stream, a port and the type of its words."""


def lower(graph: Graph, plan: Plan) -> Design:
    """The dataflow design of ``graph`` under ``plan``.

    Raises:
        IsobitError: E504 for an operation or an arrangement that no template covers.
    """
    return _Lowering(graph, plan).run()


class _Lowering:
    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.graph, self.plan = graph, plan
        self.streams: dict[str, Stream] = {}
        self.rows: dict[str, int] = {}  # of a stream with slack: the elements of a row
        self.processes: list[Process] = []
        self.ports: list[Port] = []
        self.copies: dict[str, list[str]] = {}
        self.flag_names = ["frame_end"]
        self.flags: list[str] = []  # one for every output still to be lowered
        # Nodes keep their names; what is added in between must not take one of them.
        self.taken = {prefix + node.name for node in graph.nodes for prefix in _PREFIXES}

    def run(self) -> Design:
        for node in self.graph.nodes:
            if isinstance(node, Input):
                self._input(node)
            elif isinstance(node, Output):
                self._output(node)
            elif passes_through(self.graph, self.plan, node):
                self._alias(node)
            elif isinstance(node, Concat):
                self._concatenate(node)
            elif not isinstance(node, Const):
                self._compute(node)
        return Design(tuple(self.processes), tuple(self.streams.values()), tuple(self.ports), tuple(self.flag_names))

    # ------------------------------------------------------------------ nodes

    def _input(self, node: Input) -> None:
        kind = self.graph.types[node.name]
        by_row = reads_rows(self.graph, self.plan, node.name)
        port = port_of(node, kind, IntType.of(*kind.bounds), self.plan.port_words, by_row=by_row)
        if not self.graph.consumers[node.name]:
            raise IsobitError("E504", "nothing reads this input", where=node.name, hint="remove it from the model")
        further = bool(self.ports)
        template, flag = ("read_further_frame", ()) if further else ("read_frame", ("frame_end",))
        self.ports.append(port)
        stream = self._stream(node.name, port.elem, port.lanes, port.frame, row=port.row, of_node=True)
        constants, types = port_constants(port), (("elem_t", port.elem),)
        self._process("read_" + node.name, template, constants, types, (port.name,), (stream, *flag), node=node.name)
        if not further:
            self.flags = self._fork_flags()
        self._produce(node.name, stream)

    def _output(self, node: Output) -> None:
        (value,) = node.inputs
        kind = self.graph.types[value]
        source = self.streams[self.copies[value][0]]
        elem, by_row = source.elem, source.name in self.rows
        port = port_of(node, kind, elem, self.plan.port_words, by_row=by_row, given=source.lanes)
        self.ports.append(port)
        stream = self._take(value, port.lanes, kind.size, port.row)
        constants, types = port_constants(port), (("elem_t", elem),)
        ends = (stream, self.flags.pop(0)), (port.name,)
        self._process("write_" + node.name, "write_frame", constants, types, *ends)

    def _fork_flags(self) -> list[str]:
        """One stream of frame-end flags per output, all copies of the first input's."""
        copies = ["frame_end"]
        for number in range(1, len(self.graph.outputs)):
            source = copies.pop()
            pair = [f"frame_end_{number}{side}" for side in "ab"]
            self._process(f"fork_frame_end_{number}", "fork_flag", (("FLAGS", 1),), (), (source,), pair)
            self.flag_names += pair
            copies += pair
        return copies

    def _alias(self, node: Node) -> None:
        copy, kind = self.copies[node.inputs[0]].pop(0), self.graph.types[node.name]
        row = self.rows.get(copy, 0)
        if isinstance(node, Reindex) and row not in (0, kind.size, width_of(kind.shape) * kind.channels):
            copy = self._regroup(copy, math.gcd(self.streams[copy].lanes, row), kind.size)
        self._produce(node.name, copy)

    def _concatenate(self, node: Concat) -> None:
        """All operands, two at a time."""
        if any(isinstance(self.graph.by_name[i], Const) for i in node.inputs):
            raise IsobitError("E504", "no template joins a constant to a value", where=node.name)
        layer, kinds = self.plan.layers[node.name], [self.graph.types[i] for i in node.inputs]
        pixels = [k.channels if layer.samples > 1 else layer.simd for k in kinds]
        taken = [
            self._take(i, layer.samples * p, k.size, slack_row(k, layer.samples))
            for i, p, k in zip(node.inputs, pixels, kinds, strict=True)
        ]
        joined, size, row = taken[0], kinds[0].size, slack_row(kinds[0], layer.samples)
        for number in range(1, len(taken)):
            last, pair = number == len(taken) - 1, (joined, taken[number])
            size += kinds[number].size
            row += slack_row(kinds[number], layer.samples)
            kernel = concat(self.graph, node, layer, [self.streams[s] for s in pair], number)
            name = node.name if last else f"{node.name}_{number}"
            joined = self._stream(name, kernel.out_type, kernel.out_lanes, size, row=row, of_node=last)
            self._process(
                name, kernel.template, kernel.constants, kernel.types, pair, (joined,), node=node.name if last else ""
            )
        self._produce(node.name, joined)

    def _compute(self, node: Node) -> None:
        layer = self.plan.layers[node.name]
        make = IMPLEMENTATIONS[layer.implementation].make
        assert make is not None  # only what the lowering puts in between has none, and no plan has that
        operands = [i for i in node.inputs if not isinstance(self.graph.by_name[i], Const)]
        if isinstance(node, Add) and 1 < len(operands) < len(node.inputs):
            raise IsobitError("E504", "no template joins two values and a constant", where=node.name)
        if isinstance(node, Linear | MaxPool):
            taken = [self._blocks(node, layer.samples) if layer.parallel else self._windowed(node, layer.simd)]
            taken += [self._take(i, layer.pe * layer.simd, self.graph.types[i].size) for i in operands[1:]]
        else:
            # a factor per channel comes pixel by pixel, however many pixels a word of the map holds
            kinds = [self.graph.types[i] for i in operands]
            lanes = [min(layer.lanes[0], k.size) for k in kinds]
            rows = [slack_row(k, layer.samples) if width_of(k.shape) > 1 else 0 for k in kinds]
            taken = [self._take(i, n, k.size, r) for i, n, k, r in zip(operands, lanes, kinds, rows, strict=True)]
        kernel = make(self.graph, node, layer, [self.streams[s] for s in taken])
        kind = self.graph.types[node.name]
        row = slack_row(kind, layer.samples)
        out = self._stream(node.name, kernel.out_type, kernel.out_lanes, kind.size, row=row, of_node=True)
        arrays = tuple(
            replace(array, name=self._unused(array.name, ends=suffixes(array, record.layout)))
            for array, record in zip(kernel.arrays, CATALOGUE[kernel.template].arrays, strict=False)
        )
        self._process(node.name, kernel.template, kernel.constants, kernel.types, taken, (out,), arrays, node.name)
        self._produce(node.name, out)

    def _windowed(self, node: Linear | MaxPool, simd: int) -> str:
        """The operand of a sliding computation: its windows, position by position, in words of ``simd`` elements."""
        g, value = geometry(self.graph, node), node.inputs[0]
        frame = self.graph.types[value].size
        if not g.windowed:
            return self._take(value, simd, frame)
        lanes = g.window_lanes(simd)
        source = self.streams[self._take(value, lanes, frame)]
        name = node.name + "_window"
        window = self._stream(name, source.elem, lanes, g.positions * g.fan_in)
        constants = (
            ("IMAGES", g.images), ("H", g.height), ("W", g.width), ("CHANNELS", g.channels), ("LANES", lanes),
            ("KH", g.kernel[0]), ("KW", g.kernel[1]), ("SH", g.strides[0]), ("SW", g.strides[1]),
            ("DH", g.dilations[0]), ("DW", g.dilations[1]),
        )  # fmt: skip
        memory = self.plan.layers[node.name].line_buffer
        self._process(
            name, "sliding_window", constants, (("elem_t", source.elem),), (source.name,), (window,), memory=memory
        )
        return window if lanes == simd else self._regroup(window, simd, g.positions * g.fan_in)

    def _blocks(self, node: Linear | MaxPool, samples: int) -> str:
        """The operand of a sliding computation of several positions at a time: the blocks that they take."""
        g, b, value = geometry(self.graph, node), block(self.graph, node, samples), node.inputs[0]
        assert b is not None
        row = b.width * g.channels
        lanes, slack = b.step * g.channels, row if b.width % b.step else 0
        source = self.streams[self._take(value, lanes, b.height * row, slack)]
        if not g.windowed:
            return source.name
        constants = (
            ("H", b.height), ("W", b.width), *block_constants(g, samples), ("SH", g.strides[0]), ("DH", g.dilations[0]),
            *zip(("TOP", "BOTTOM", "LEFT", "RIGHT"), b.border, strict=True), ("VALUE", b.value),
        )  # fmt: skip
        elem = IntType.of(*self.graph.types[value].bounds) if b.pad else source.elem
        name, size = node.name + "_window", g.kernel[0] * b.columns * g.channels
        window = self._stream(name, elem, size, size * b.out_height * b.blocks)
        memory, types = self.plan.layers[node.name].line_buffer, (("in_t", source.elem), ("out_t", elem))
        if b.ahead:
            head = self._stream(node.name + "_head", source.elem, b.ahead * lanes, b.ahead * lanes)
            body = self._stream(node.name + "_body", source.elem, lanes, (b.words - b.ahead) * lanes)
            sizes = ("WORDS", b.words), ("LANES", lanes), ("AHEAD", b.ahead)
            whole = (("elem_t", source.elem),), (source.name,), (head, body)
            self._process(node.name + "_ahead", "look_ahead", sizes, *whole)
            self._process(name, "line_window", constants, types, (head, body), (window,))
            return window
        self._process(name, "parallel_window", constants, types, (source.name,), (window,), memory=memory)
        return window

    # ------------------------------------------------------------------ streams

    def _unused(self, stem: str, prefix: str = "", ends: tuple[str, ...] = ("",)) -> str:
        """``stem``, with a number if an identifier that it makes behind ``prefix``, with an end, is another one's."""
        name, number = stem, 2
        while self.taken & {prefix + name + end for end in ends}:
            name, number = f"{stem}_{number}", number + 1
        self.taken |= {prefix + name + end for end in ends}
        return name

    def _stream(
        self, name: str, elem: IntType, lanes: int, size: int, *, row: int = 0, of_node: bool = False
    ) -> str:  # fmt: skip
        """A new stream; ``row`` where its words have slack at the end of every row of so many elements."""
        name = name if of_node else self._unused(name, "s_")
        stream = Stream("s_" + name, elem, lanes, frame_words(size, row, lanes))
        self.streams[stream.name] = stream
        if row:
            self.rows[stream.name] = row
        return stream.name

    def _process(
        self,
        name: str,
        template: str,
        constants: Any,
        types: Any,
        inputs: Any,
        outputs: Any,
        arrays: Any = (),
        node: str = "",
        memory: str = "",
    ) -> None:
        name = name if name == node else self._unused(name, "cfg_")
        sides = tuple(inputs), tuple(outputs)
        parts = tuple(constants), tuple(types), *sides, tuple(arrays)
        self.processes.append(Process(name, template, *parts, node, memory))

    def _produce(self, value: str, stream: str) -> None:
        """Register ``stream`` as ``value``, once per reader."""
        copies = [stream]
        for number in range(1, len(self.graph.consumers[value])):
            source = self.streams[copies.pop()]
            stem = f"{source.name.removeprefix('s_')}_{number}"
            pair = [replace(source, name="s_" + self._unused(stem + side, "s_")) for side in "ab"]
            self.streams |= {copy.name: copy for copy in pair}
            if source.name in self.rows:
                self.rows |= {copy.name: self.rows[source.name] for copy in pair}
            constants = (("WORDS", source.words), ("LANES", source.lanes))
            self._process(
                f"fork_{value}_{number}",
                "fork",
                constants,
                (("elem_t", source.elem),),
                (source.name,),
                [c.name for c in pair],
            )
            copies += [c.name for c in pair]
        self.copies[value] = copies

    def _take(self, value: str, lanes: int, frame: int, row: int = 0) -> str:
        """One copy of ``value`` for one reader, in words of ``lanes`` elements, with slack behind every ``row``."""
        source = self.copies[value].pop(0)
        same = (self.streams[source].lanes, self.rows.get(source, 0)) == (lanes, row)
        return source if same else self._regroup(source, lanes, frame, row, self.graph.types[value].channels)

    def _regroup(self, stream: str, lanes: int, frame: int, row: int = 0, channels: int = 1) -> str:
        """``stream`` in words of ``lanes`` elements, with slack behind every ``row``; 0: in words without."""
        source, slack = self.streams[stream], self.rows.get(stream, 0)
        through = 0  # words that are parts of the rows of either side
        if slack and slack != row and (row or slack % lanes):
            through = math.gcd(lanes if not row else source.lanes, slack)
        elif row and not slack and row % source.lanes:
            through = math.gcd(source.lanes, row)
        if through:
            return self._regroup(self._regroup(stream, through, frame, 0, channels), lanes, frame, row, channels)
        name = f"{stream.removeprefix('s_')}_x{lanes}"
        converted = self._stream(name, source.elem, lanes, frame, row=row)
        sizes = (("FRAME", frame), ("ROW", row or slack or frame), ("CHANNELS", channels))
        constants = (*sizes, ("IN_LANES", source.lanes), ("OUT_LANES", lanes))
        types = (("elem_t", source.elem),)
        self._process("regroup_" + name, "width_converter", constants, types, (stream,), (converted,))
        return converted
