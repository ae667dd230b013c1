"""Who judges the source: ONNX Runtime where it can, by name and version, and what a user would see end to end."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from isobit.build.folder import Build
from isobit.check.csim.result import CsimResult
from isobit.check.csim.stimuli import vectors_for
from isobit.check.source import compare
from isobit.check.source.compare import check_source
from isobit.check.source.exact.irrational import square_root
from isobit.check.source.float.ort import run_ort, why_not_ort
from isobit.check.source.float.run import FloatRun
from isobit.check.source.level import OrtLevel
from isobit.check.source.oracles import EndToEnd
from isobit.check.source.verdict import SourceVerdict
from isobit.errors import IsobitError
from isobit.flow import compile_model
from isobit.report.text import _sentence
from tests.onnx_builder import Net, save

F = Fraction


def checked(build: Build, level: Any = "disabled") -> SourceVerdict:
    return check_source(build, vectors_for(build.graph, 64, 0), {}, level)


def saturating(folder: Path) -> Path:
    """uint8 activations and int8 weights whose pairs of products leave 16 bits."""
    net = Net(["N", 64])
    params, zero = [net.const(1.0), net.const(0, np.uint8)], net.const(0, np.int8)
    x = net.op("QuantizeLinear", "x", *params)
    target = [net.const(8192.0), params[1]]
    weights = [net.const(np.full((64, 2), 127), np.int8), net.const(1.0), zero]
    q = net.op("QLinearMatMul", x, *params, *weights, *target)
    # one zero point for two layers, which ONNX Runtime's own option does not survive
    again = [net.const(np.full((2, 3), 127), np.int8), net.const(1.0), zero]
    q = net.op("QLinearMatMul", q, *target, *again, net.const(2.0**21), params[1])
    return save(net.model(q), folder)


def test_onnx_runtime_sums_what_the_file_says_on_every_processor(tmp_path: Path) -> None:
    path = saturating(tmp_path)
    run = run_ort(path, {"x": np.full((3, 64), 255, np.float32)})
    first, second = (node.output[0] for node in onnx.load(path).graph.node[1:])
    assert (run.tensors[first] == round(64 * 255 * 127 / 8192)).all()
    assert (run.outputs[second] == min(round(253 * 8192 * 127 * 2 / 2**21), 255)).all()


def test_the_verdict_names_onnx_runtime_and_its_version(tmp_path: Path) -> None:
    verdict = checked(compile_model(saturating(tmp_path), tmp_path / "build"))
    name = f"onnxruntime {metadata.version('onnxruntime')}"
    assert [str(oracle) for oracle in verdict.oracles] == [name, name]
    judge, deployed = verdict.oracles
    assert (judge.outputs, judge.mismatches) == (64 * 3, 0) and judge.ran and not verdict.unexplained
    assert deployed.note == "as deployed, graph optimisation all"  # which saturates on some processors
    assert verdict.ends is not None and verdict.ends.differing == deployed.mismatches


@pytest.mark.parametrize("wrong", [False, True])
def test_what_onnx_runtime_shows_as_it_comes_decides_the_word(
    wrong: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own tool runs at its default level: another number there is never behind a bare EQUAL."""
    build = compile_model(saturating(tmp_path), tmp_path / "build")
    honest = run_ort

    def run(path: Path, inputs: Any, level: OrtLevel = "disabled", also: Any = ()) -> FloatRun:
        done = honest(path, inputs, also=also)
        if level == "disabled" or not wrong:
            return done
        return replace(done, outputs={name: value + 1 for name, value in done.outputs.items()})

    monkeypatch.setattr(compare, "run_ort", run)
    verdict = checked(build)
    assert verdict.ends is not None and verdict.equal
    assert verdict.ends.differing == (64 * 3 if wrong else 0)
    assert verdict.ends.oracle.endswith(", level all") is wrong
    word = CsimResult((), None, verdict).verdict
    assert word == ("equal to exact arithmetic" if wrong else "equal")


def test_a_default_level_that_cannot_run_the_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = compile_model(saturating(tmp_path), tmp_path / "build")
    honest = run_ort

    def run(path: Path, inputs: Any, level: OrtLevel = "disabled", also: Any = ()) -> FloatRun:
        if level != "disabled":
            raise IsobitError("E606", "onnxruntime cannot run the model: no kernel")
        return honest(path, inputs, also=also)

    monkeypatch.setattr(compare, "run_ort", run)
    verdict = checked(build)
    assert verdict.equal and verdict.ends is not None and verdict.ends.differing == 0
    assert verdict.oracles[1].note.endswith("no kernel") and not verdict.oracles[1].ran
    asked = checked(build, "all")
    assert asked.ends is None and "no kernel" in asked.note


def test_a_deployed_level_is_compared_end_to_end_and_named(tmp_path: Path) -> None:
    build = compile_model(saturating(tmp_path), tmp_path / "build")
    verdict = checked(build, "all")
    assert verdict.ends is not None and verdict.ends.oracle.endswith(", level all")
    assert verdict.exact_mismatches == 0 and not verdict.unexplained  # the judge itself runs without optimisation
    assert [oracle.note for oracle in verdict.oracles] == [
        "graph optimisation disabled", "as deployed, graph optimisation all"
    ]  # fmt: skip


def test_without_onnx_runtime_the_rest_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = compile_model(saturating(tmp_path), tmp_path / "build")
    monkeypatch.setattr(compare, "ort_version", lambda: "")
    verdict = checked(build)
    assert verdict.exact_mismatches == 0 and verdict.equal and verdict.ends is None
    (absent,) = (oracle for oracle in verdict.oracles if not oracle.ran)
    assert (str(absent), absent.note) == ("onnxruntime", "not installed")


def test_a_file_that_onnx_runtime_cannot_run_is_said(tmp_path: Path) -> None:
    net = Net(["N", 2])
    net.op("Erfinv", "x")
    with pytest.raises(IsobitError) as caught:
        run_ort(save(net.model(), tmp_path), {"x": np.zeros((1, 2), np.float32)})
    assert caught.value.code == "E606" and "onnxruntime" in caught.value.message


def ties(folder: Path) -> Path:
    """A constant scale of 0.1 on both sides of a threshold at one half: 5 * 0.1f lies 7e-8 above it."""
    rng, net = np.random.default_rng(0), Net([1, 16])
    x = net.quant("x", 1.0, 0.0, 2, narrow=1)
    net.quant(net.op("MatMul", x, net.bipolar(rng.normal(size=(16, 8)), 0.1)), 1.0, 0.0, 2, narrow=1)
    return net.save(folder)


def test_many_ties_are_never_a_bare_equal(tmp_path: Path) -> None:
    assert why_not_ort(ties(tmp_path)) == "Quant is an operator of QONNX"
    verdict = checked(compile_model(tmp_path / "model.onnx", tmp_path / "build", arithmetic="exact"))
    ends = verdict.ends
    assert ends is not None and ends.differing == len(verdict.ties) > 0 and not verdict.unexplained
    assert ends.outputs == 64 * 8 and ends.predictions == 64 > ends.predictions_equal
    result = CsimResult((), None, verdict)
    assert result.equal and result.verdict == "equal to exact arithmetic"
    assert [(o.name, o.ran) for o in verdict.oracles] == [("qonnx", True), ("onnxruntime", False)]


def test_where_ties_are_systematic_the_source_s_own_float32_is_followed(tmp_path: Path) -> None:
    verdict = checked(compile_model(ties(tmp_path), tmp_path / "build"))
    assert (verdict.arithmetic, verdict.exact_mismatches) == ("float32", 0) and verdict.exact_outputs > 0
    assert verdict.ends is not None and verdict.ends.differing == 0 and not verdict.unexplained
    assert CsimResult((), None, verdict).verdict == "equal"


@pytest.mark.parametrize(
    ("outputs", "predictions", "said"),
    [(0, 0, "EQUAL"), (1, 0, "EQUAL to exact arithmetic, but 1 of 1,000,000 outputs differ from"),
     (0, 1, "EQUAL to exact arithmetic, but 1 of 100 predictions differ from")],
)  # fmt: skip
def test_nothing_may_differ_behind_a_bare_equal(outputs: int, predictions: int, said: str) -> None:
    ends = EndToEnd("it", 1, 1_000_000, 1_000_000 - outputs, 100, 100 - predictions)
    result = CsimResult((), None, SourceVerdict(0, 0, 1, 0, (), (), ends=ends))
    assert result.equal and _sentence(result).splitlines()[0] == said


def test_logits_are_compared_in_front_of_a_softmax(tmp_path: Path) -> None:
    rng, net = np.random.default_rng(1), Net([1, 8])
    dense = net.op("MatMul", net.quant("x", 0.25, 0.0, 6), net.quant(rng.normal(size=(8, 4)), 0.125, 0.0, 4))
    net.op("Softmax", net.quant(dense, 0.0625, 0.0, 12), axis=1)
    ends = checked(compile_model(net.save(tmp_path), tmp_path / "build")).ends
    assert ends is not None
    assert (ends.outputs, ends.equal, ends.predictions, ends.predictions_equal) == (256, 256, 64, 64)


@pytest.mark.parametrize("x", [F(9, 4), F(2), F(1, 3), F(10**40, 7), F(7, 10**40), F(2**200 + 1)])
def test_roots_are_exact_or_the_nearest_of_128_digits(x: Fraction) -> None:
    root = square_root(x)
    if root * root == x:
        return
    digits = root.numerator.bit_length() - 1
    step = F(1, root.denominator) * (root.numerator & -root.numerator)
    unit = F(2) ** (digits - 127) / root.denominator
    assert (root / unit).denominator == 1 and step >= unit  # a multiple of the last of 128 digits
    assert (root - unit / 2) ** 2 < x < (root + unit / 2) ** 2


@pytest.mark.parametrize("kind", ["INT4", "UINT4"])
def test_onnx_runtime_judges_activations_of_four_bits(tmp_path: Path, kind: str) -> None:
    """Its Python interface does not hand such tensors out; inside the network and at its end."""
    net = Net(["N", 4])
    zero = f"zero {kind}"
    net.constants.append(onnx.helper.make_tensor(zero, getattr(onnx.TensorProto, kind), [], [3]))
    scale = net.const(0.53)
    q = net.op("QuantizeLinear", "x", scale, zero)
    real = net.op("Mul", net.op("DequantizeLinear", q, scale, zero), 0.71)
    last = net.op("QuantizeLinear", real, scale, zero)
    model = net.model(net.op("DequantizeLinear", last, scale, zero), last, opset=21, ir_version=10)
    model.graph.output[1].type.tensor_type.elem_type = getattr(onnx.TensorProto, kind)
    verdict = checked(compile_model(save(model, tmp_path), tmp_path / "build"))
    assert verdict.equal
    assert verdict.float_integers > 0
    assert verdict.ends is not None
    assert verdict.ends.outputs == 512
    assert verdict.ends.differing == 0
