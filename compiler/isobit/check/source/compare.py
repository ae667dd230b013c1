"""Verdict 2: the source model and the graph agree.

In exact arithmetic they must agree on every output (:mod:`isobit.check.source.exact` evaluates the source without
any of the compiler's code). The source's own float32 execution, by ONNX Runtime for standard ONNX files and by qonnx
for QONNX files, must agree too, or differ at a *tie*: the exact value lies within the float error of a rounding edge.
Every layer is checked on the integers that the float execution itself produced below it, so that one tie does not hide
what follows; end to end, outputs and predictions are counted as a user of both would see them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.build.folder import Build
from isobit.check.csim.stimuli import float_samples
from isobit.check.source.backbone import backbone
from isobit.check.source.ends import LAYOUT_OPS, SMOOTH, before_last, before_smooth, end_to_end, read_back
from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.check.source.float.ort import PACKAGE, ort_version, run_ort, why_not_ort
from isobit.check.source.float.run import FloatRun, by_tensor, qonnx_version, run_float
from isobit.check.source.float.ties import classify
from isobit.check.source.level import DEPLOYED, OrtLevel
from isobit.check.source.oracles import EndToEnd, OracleRun
from isobit.check.source.verdict import (
    CLAMPS,
    SourceVerdict,
    Tie,
    before_logits,
    clamped_alike,
    in_graph_layout,
    nearest_integers,
)  # fmt: skip
from isobit.errors import IsobitError
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.onnx.model import SourceModel
from isobit.frontend.qonnx.importer import Imported, import_traced
from isobit.frontend.qonnx.input_type import InputType
from isobit.frontend.qonnx.symbolic import Real
from isobit.frontend.tflite.model import is_tflite
from isobit.interchange.onnx_file import is_exported
from isobit.interp import Evaluator, quantise
from isobit.ir import Graph
from isobit.ir.ops import Output
from isobit.ir.types import IntArray

EXACT_SAMPLES, EXACT_ELEMENTS = 32, 3_000_000
FLOAT_SAMPLES, GIVEN_SAMPLES, FLOAT_ELEMENTS = 256, 10_000, 60_000_000
_JUMPS = frozenset("And Ceil Equal Floor Greater GreaterOrEqual Less LessOrEqual Not Or Round Sign Xor".split())
"""Operators that make integers of real values without a quantiser."""


def check_source(
    build: Build, integers: Mapping[str, IntArray], samples: Mapping[str, Any], ort_level: OrtLevel = "disabled",
    progress: Callable[[str], None] = lambda _: None,
) -> SourceVerdict:  # fmt: skip
    """Compare the build's graph with its source; under a budget the exact graph, not the one that is built.

    A few-shot head is no part of the source: what is compared is the backbone, its features.

    Args:
        integers: the graph's input integers by input name; floats in the source's layout are made from them where
            ``samples`` has none.
        samples: the user's own by the source's input names, as :func:`isobit.check.csim.samples.read_samples` makes
            them; integers among them count as none.
        ort_level: the graph optimisation of the ONNX Runtime that the end-to-end comparison is with.
    """

    def stage(number: int, text: str) -> None:
        progress(f"comparing with the source model, stage {number}/4: {text}")

    build = backbone(build)
    if is_tflite(build.source):
        from isobit.check.source.tflite.verdict import check_tflite

        progress("comparing with the source model: LiteRT's integers")
        return check_tflite(build, integers, samples)
    if is_exported(build.source):
        from isobit.check.source.exported import check_exported

        progress("comparing with the graph of the exported file")
        return check_exported(build, integers)
    origin, checked = build.manifest.source, _Checked.of(build, integers, samples)
    stage(1, "exact arithmetic")
    exact_outputs, wrong, note = checked.part(0).exact(lambda text: stage(1, f"exact arithmetic, {text}"))
    try:
        stage(2, "its own float32 run")
        judge, execution, others = checked.execution(lambda text: stage(2, f"its own float32 run, {text}"))
        stage(3, "layer by layer")
        compared, ties, unexplained = checked.float(execution, lambda text: stage(3, f"layer by layer, {text}"))
        stage(4, "end to end")
        ran, ends = checked.end_to_end(judge, execution, ort_level)
    except IsobitError as error:
        if wrong < 0 or error.code not in ("E303", "E606"):  # nothing was compared, or no run of the source gave up
            raise
        absent = checked.absent(error.message)
        return SourceVerdict(
            exact_outputs, wrong, 0, 0, (), (), error.message, oracles=absent, arithmetic=origin.arithmetic.followed
        )
    counts = exact_outputs, wrong, checked.count, compared
    return SourceVerdict(
        *counts, ties, unexplained, note, oracles=(*ran, *others), ends=ends, arithmetic=origin.arithmetic.followed
    )


def check_exactly(
    build: Build, integers: Mapping[str, IntArray], samples: Mapping[str, Any], told: Callable[[str], None]
) -> tuple[int, int]:
    """Outputs of all samples compared with the source in exact arithmetic, and how many differ (see above).

    Raises:
        IsobitError: E607 where the source has no exact evaluator, or that one does not take it.
    """
    build = backbone(build)
    if is_tflite(build.source) or is_exported(build.source):
        raise IsobitError("E607", "the source is integers already: there is nothing to evaluate exactly")
    whole = _Checked.of(build, integers, samples)
    done, outputs, wrong = 0, 0, 0
    while done < whole.count:
        told(f"exact arithmetic: {done:,} of {whole.count:,} samples")
        part = whole.part(done)
        compared, differing, note = part.exact(lambda _: None)
        if differing < 0:
            raise IsobitError("E607", f"the source is not evaluated exactly: {note}")
        done, outputs, wrong = done + part.count, outputs + compared, wrong + differing
    return outputs, wrong


def _affordable(imported: Imported, most: int, elements: int = FLOAT_ELEMENTS) -> int:
    """How many samples are compared: fewer than ``most`` where one sample has many values, and at least one."""
    values = sum(imported.graph.types[n.name].size for n in imported.graph.nodes if n.inputs)
    return min(max(elements // values, 1), most)


class _Checked:
    def __init__(
        self, build: Build, model: SourceModel, imported: Imported, declared: InputType | None, x: Mapping[str, Any]
    ) -> None:
        self.build, self.model, self.imported, self.declared, self.x = build, model, imported, declared, x
        self.count = len(next(iter(x.values())))

    @classmethod
    def of(cls, build: Build, integers: Mapping[str, IntArray], samples: Mapping[str, Any]) -> _Checked:
        """With real values of as many samples as a float run may take: the user's, or those of the integers."""
        origin = build.manifest.source
        declared = InputType.parse(origin.input_type, origin.input_scale) if origin.input_type else None
        model = load_onnx(build.source)
        imported = import_traced(model, declared, origin.arithmetic.followed)
        count, rng = _affordable(imported, GIVEN_SAMPLES if samples else FLOAT_SAMPLES), np.random.default_rng(0)
        x: dict[str, Any] = {}
        for node in build.reference.inputs:
            given = samples.get(node.outside)
            if given is not None and not np.issubdtype(given.dtype, np.integer):
                x[node.outside] = given[:count]
            elif node.outside not in x:
                x[node.outside] = float_samples(node, integers[node.name][:count], rng)
        return cls(build, model, imported, declared, x)

    def part(self, first: int) -> _Checked:
        """As many samples from ``first`` on as the exact evaluation takes at once."""
        most = _affordable(self.imported, EXACT_SAMPLES, EXACT_ELEMENTS)
        x = {name: array[first : first + most] for name, array in self.x.items()}
        return _Checked(self.build, self.model, self.imported, self.declared, x)

    def _integers(self, graph: Graph) -> dict[str, IntArray]:
        return {node.name: quantise(node, self.x[node.outside]) for node in graph.inputs}

    def exact(self, told: Callable[[str], None]) -> tuple[int, int, str]:
        """Outputs compared and differing in exact arithmetic; what is compared is the build's (exact) graph."""
        outputs = self.build.reference.outputs
        smooth = {o.name: before for o in outputs if (before := before_smooth(self.model, o))}
        left = {op.kind for o in outputs for op in before_logits(o) if not (o.name in smooth and op.kind in SMOOTH)}
        if left - LAYOUT_OPS - CLAMPS:
            return 0, -1, "the host's last float operations are not evaluated exactly"
        whole = {node.outside for node in self.imported.graph.inputs if node.quantiser is None}
        step = Fraction(self.build.manifest.source.input_scale) if self.declared else Fraction(1)
        scales = {info.name: step for info in self.model.inputs if info.label in whole}
        inputs = by_tensor(self.model, self.x, self.count)
        for name in scales:
            inputs[name] = np.round(inputs[name].astype(np.float64) / float(step))
        try:
            chosen = self.build.manifest.source.arithmetic
            reference = evaluate_exact(
                self.build.source, inputs, scales=scales, taps=bool(smooth), float32=chosen.followed == "float32",
                exact=chosen.exact, told=told,
            )  # fmt: skip
        except IsobitError as error:
            return 0, -1, error.message
        mine = Evaluator(self.build.reference).run(self._integers(self.build.reference))
        wrong = 0
        for output in outputs:
            found = reference[smooth.get(output.name, output.outside)]
            theirs = self._in_graph_layout(output, found.num.reshape(self.count, *output.outside_shape))
            same = mine[output.name] == nearest_integers(output, theirs, found.den)
            wrong += int(np.count_nonzero(~(same | clamped_alike(output, mine[output.name], theirs, found.den))))
        return sum(mine[output.name].size for output in outputs), wrong, ""

    def execution(self, told: Callable[[str], None]) -> tuple[OracleRun, FloatRun, tuple[OracleRun, ...]]:
        """The source's own float run, by whom, and who could not run it."""
        inputs, also = by_tensor(self.model, self.x, self.count), self._taps()
        refused = why_not_ort(self.build.source)
        if not refused:
            run = run_ort(self.build.source, inputs, also=also) if ort_version() else None
            if run is None:
                raise IsobitError("E303", f"{PACKAGE}: not installed", hint=f"pip install {PACKAGE}")
            return OracleRun(PACKAGE, ort_version(), note="graph optimisation disabled"), run, ()
        run = run_float(self.model, inputs, also=also, told=told)
        return OracleRun("qonnx", qonnx_version()), run, (OracleRun(PACKAGE, ort_version(), note=refused),)

    def absent(self, message: str) -> tuple[OracleRun, ...]:
        """The oracle that should have run, and why it did not."""
        if why_not_ort(self.build.source):
            return (OracleRun("qonnx", qonnx_version(), note=message),)
        return (OracleRun(PACKAGE, ort_version(), note=message if ort_version() else "not installed"),)

    def _taps(self) -> tuple[str, ...]:
        """The source's tensors in front of the float functions that end its outputs, and those that a jump decides."""
        last = (before_last(self.model, node) for node in self.build.reference.outputs)
        return (*filter(None, last), *(name for n in self.model.nodes if n.op in _JUMPS for name in n.outputs))

    def end_to_end(
        self, judge: OracleRun, execution: FloatRun, level: OrtLevel
    ) -> tuple[tuple[OracleRun, ...], EndToEnd]:
        """The graph against the source's own run: ONNX Runtime's at the level asked for, where it runs the file.

        Without a level, what ONNX Runtime shows as it comes (:data:`DEPLOYED`) counts where that is another number.
        """
        mine = Evaluator(self.build.reference).run(self._integers(self.build.reference))

        def compared(run: FloatRun) -> EndToEnd:
            return end_to_end(str(judge), self.model, self.build.reference, mine, run)

        ends = compared(execution)
        runs = [replace(judge, samples=self.count, outputs=ends.outputs, mismatches=ends.differing)]
        if judge.name != PACKAGE:
            return tuple(runs), ends
        asked, chosen = level != "disabled", level if level != "disabled" else DEPLOYED
        note = f"as deployed, graph optimisation {chosen}"
        try:
            shown = compared(run_ort(self.build.source, by_tensor(self.model, self.x, self.count), chosen))
        except IsobitError as error:
            if asked:
                raise
            return (*runs, OracleRun(PACKAGE, judge.version, note=f"{note}: {error.message}")), ends
        runs.append(replace(runs[0], outputs=shown.outputs, mismatches=shown.differing, note=note))
        if asked or shown.differing > ends.differing:
            ends = replace(shown, oracle=f"{judge}, level {chosen}", cause="its kernels at this level")
        return tuple(runs), ends

    def float(self, execution: FloatRun, told: Callable[[str], None]) -> tuple[int, tuple[Tie, ...], tuple[Tie, ...]]:
        """Integers compared with the source's float run, the ties and the unexplained differences."""
        graph = self.imported.graph
        values = self._integers(graph)
        evaluator, quantised = Evaluator(graph), self._quantised(execution)
        compared, found = 0, []
        for done, (node, function) in enumerate(evaluator.functions):
            told(f"{done} of {len(evaluator.functions)} layers")
            mine = function(*(values[i] for i in node.inputs))
            theirs = self._output(execution, node) if isinstance(node, Output) else quantised.get(node.name)
            if theirs is not None:
                compared += mine.size
                found += classify(self.imported, graph, values, node, mine, theirs)
            values[node.name] = mine if theirs is None else theirs
        ties = tuple(t for t in found if t.explained)
        return compared, ties, tuple(t for t in found if not t.explained)

    def _quantised(self, execution: FloatRun) -> dict[str, IntArray]:
        """The integers of every step, read back from the float execution's tensors."""
        integers = {}
        for name, tensor in execution.tensors.items():
            real = self.imported.tensors.get(name)
            kind = self.imported.graph.types.get(real.value) if isinstance(real, Real) else None
            if isinstance(real, Real) and kind is not None and real.value in self.imported.origins:
                shape = tuple(kind.shape[real.layout.index(a)] for a in range(len(real.layout)))
                moved = tensor.reshape(self.count, *shape).transpose(0, *(a + 1 for a in real.layout))
                integers[real.value] = read_back(moved, real.scale, real.offset)
        return integers

    def _output(self, execution: FloatRun, node: Output) -> IntArray | None:
        if any(op.kind not in LAYOUT_OPS for op in node.host):
            return None
        tensor = execution.outputs[node.outside].reshape(self.count, *node.outside_shape)
        return read_back(self._in_graph_layout(node, tensor), np.array(node.scale), np.array(node.offset))

    def _in_graph_layout(self, node: Output, tensor: Any) -> Any:
        """``(batch, *outside_shape)`` with the host's reshapes and transposes undone."""
        return in_graph_layout(node, self.imported.graph.types[node.name].shape, tensor)
