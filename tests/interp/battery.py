"""What must hold of every operation, over random shapes: a class to inherit from, one subclass per operation."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import ClassVar

import numpy as np
import pytest

from isobit.interp import Evaluator, run
from isobit.interp.reference import evaluate
from isobit.ir import Graph, Node, Output, parse_graph, print_graph, toposort, verify
from isobit.passes import optimise
from tests.ir.random_graphs import Maker, random_inputs
from tests.passes.graphs import assert_same_reals

SEEDS, SAMPLES = range(12), 4


class Battery:
    """Graphs that end in one operation: interpreter, reference, intervals, text and passes agree."""

    op: ClassVar[type[Node]]
    make: ClassVar[Callable[[Maker], str]]

    def graph(self, seed: int) -> Graph:
        """An input, the operation, and in half of the graphs the operation on its own result."""
        maker = Maker(Random(seed))
        maker.input()
        name = type(self).make(maker)
        if seed % 2:
            name = type(self).make(maker)
        maker.emit(Output(name="", inputs=(name,)))
        made = verify(Graph(toposort(maker.nodes.values())))
        assert any(isinstance(n, self.op) for n in made.nodes)
        return made

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_interpreter_computes_what_the_reference_says(self, seed: int) -> None:
        graph = self.graph(seed)
        inputs = random_inputs(graph, Random(seed), SAMPLES)
        values = run(graph, inputs, taps=True)
        for sample in range(SAMPLES):
            wanted = evaluate(graph, {name: array[sample] for name, array in inputs.items()})
            assert {n: v[sample].tolist() for n, v in values.items()} == {n: wanted[n].tolist() for n in values}

    @pytest.mark.parametrize("seed", SEEDS)
    def test_node_by_node_and_as_a_whole_it_is_the_same(self, seed: int) -> None:
        graph = self.graph(seed)
        evaluator = Evaluator(graph)
        values = dict(random_inputs(graph, Random(seed), SAMPLES))
        for node, function in evaluator.functions:
            made = function(*(values[i] for i in node.inputs))
            values[node.name] = np.broadcast_to(made, (SAMPLES, *graph.types[node.name].shape))
        whole = evaluator.run({n.name: values[n.name] for n in graph.inputs})
        assert {n: v.tolist() for n, v in whole.items()} == {n: values[n].tolist() for n in whole}

    @pytest.mark.parametrize("seed", SEEDS)
    def test_no_value_leaves_its_interval(self, seed: int) -> None:
        graph = self.graph(seed)
        for name, array in run(graph, random_inputs(graph, Random(seed), SAMPLES), taps=True).items():
            kind = graph.types[name]
            assert (array >= kind.lo).all() and (array <= kind.hi).all(), name

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_text_is_read_back(self, seed: int) -> None:
        graph = self.graph(seed)
        again = parse_graph(print_graph(graph))
        assert print_graph(again) == print_graph(graph) and again.digest == graph.digest

    @pytest.mark.parametrize("seed", SEEDS)
    def test_passes_keep_its_outputs(self, seed: int) -> None:
        graph = self.graph(seed)
        assert_same_reals(graph, optimise(graph), seed)
