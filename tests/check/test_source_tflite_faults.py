"""Faults put into the importer's reading, arithmetic and rules: the evaluator and LiteRT must name each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import isobit
from isobit.build.folder import Build
from isobit.check.csim.result import CsimResult
from isobit.check.csim.stimuli import vectors_for
from isobit.check.source.compare import check_source
from isobit.check.source.tflite import litert, oracles
from isobit.check.source.verdict import OracleRun, SourceVerdict
from isobit.frontend.tflite import file, joins, pools, requantise, windows
from isobit.numerics import tflite as arithmetic
from isobit.report.text import _source_lines
from tests.check.source_tflite_helpers import Draw
from tests.models.tflite_nets import Net


def _net() -> Net:
    net = Net("int8", 5)
    x = net.conv(net.image(6, 6, 3), 6, fused=1)
    y = net.make("ADD", [x, net.conv(x, 6, kernel=1)], (6, 6, 6), 3 * net.scale_of(x))
    net.dense(net.make("MEAN", [y, net.integers([1, 2])], (6,), net.scale_of(y) / 2), 5)
    return net


def _verdict(build: Build) -> SourceVerdict:
    return check_source(build, vectors_for(build.reference, 24, 3), {})


def _compiled(net: Draw, folder: Path) -> Build:
    return isobit.compile(net.save(folder / "model.tflite"), folder / "build", board="zcu104")


def _coarse(honest: Callable[..., tuple[int, int]]) -> Callable[..., tuple[int, int]]:
    """The multiplier with its last 27 bits cleared."""

    def faulty(real: Any) -> tuple[int, int]:
        q, shift = honest(real)
        return q >> 27 << 27, shift

    return faulty


def _one_off(honest: Callable[..., NDArray[np.int64]]) -> Callable[..., NDArray[np.int64]]:
    return lambda *given: honest(*given) + 1


FAULTS: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "the multiplier": (requantise, "quantize_multiplier", _coarse),
    "the summands of ADD": (joins, "rounded_twice", _one_off),
    "the bias": (windows, "_bias", _one_off),
    "the double product": (windows, "in_double", lambda f: lambda real, lo, hi: f(real * 1.01, lo, hi)),
    "the mean's multiplier": (pools, "multiplier", lambda f: lambda real: f(real * 1.02)),
    "a padding": (windows, "padded", lambda f: lambda b, op, x, k, s, d, v: f(b, op, x, k, s, d, v + 9)),
    "the zero points": (
        file._Loader, "_tensor", lambda f: lambda self, i: _lifted(f(self, i)),
    ),
    "the order of rows": (
        file._Loader, "_constant", lambda f: lambda *given: _turned(f(*given)),
    ),
}  # fmt: skip


def _lifted(tensor: Any) -> Any:
    return replace(tensor, zero_point=tuple(z + (tensor.dtype == "int8" and z != 0) for z in tensor.zero_point))


def _turned(data: Any) -> Any:
    return data if data is None or data.ndim != 4 else data[:, ::-1]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_importer_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where, what, fault = FAULTS[name]
    monkeypatch.setattr(where, what, fault(getattr(where, what)))
    requantise.requantizer.cache_clear()
    requantise.in_double.cache_clear()
    verdict = _verdict(_compiled(_net(), tmp_path))
    assert not verdict.equal
    assert verdict.exact_mismatches > 0 and verdict.unexplained and verdict.unexplained[0].layer
    reference = verdict.oracles[0]
    assert reference.name == "LiteRT, reference kernels" and reference.version
    assert reference.unexplained > 0 and reference.first.startswith("layer ")


def test_without_a_fault_every_oracle_agrees(tmp_path: Path) -> None:
    net = _net()
    verdict = _verdict(_compiled(net, tmp_path))
    assert verdict.equal and verdict.exact_mismatches == 0 and not verdict.unexplained
    reference, default = verdict.oracles
    assert (reference.samples, reference.outputs, reference.mismatches) == (24, 24 * 5, 0)
    made = sum(int(np.prod(net.tensors[o].shape)) for op in net.operators for o in op.outputs)
    assert (reference.integers, reference.unexplained, reference.first) == (24 * made, 0, "")
    assert default.name == "LiteRT, default kernels" and default.outputs == 24 * 5 and default.unexplained == 0


def test_a_fault_in_shared_arithmetic_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The evaluator has no arithmetic of the compiler's: breaking that in its own module breaks one side alone."""
    honest = arithmetic.quantize_multiplier
    for place in (arithmetic, requantise):
        monkeypatch.setattr(place, "quantize_multiplier", _coarse(honest))
    requantise.requantizer.cache_clear()
    verdict = _verdict(_compiled(_net(), tmp_path))
    assert not verdict.equal and verdict.exact_mismatches > 0 and verdict.oracles[0].unexplained > 0


def test_a_misread_operator_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader package's own answer for codes below 127: the field that newer converters leave at 0."""
    net = Draw("int8")
    x = net.input((1, 2, 4), 0.05, -7)
    net.op("PRELU", [x, net.const([[[1, 2, 9, -4]]], 0.2, 3)], (1, 2, 4), 0.08, 3)
    path = net.save(tmp_path / "model.tflite", deprecated_codes=False)
    monkeypatch.setattr(file, "_builtin_code", lambda code: code.BuiltinCode())
    verdict = _verdict(isobit.compile(path, tmp_path / "build", board="zcu104"))
    assert not verdict.equal and verdict.exact_mismatches > 0
    assert verdict.oracles[0].first == "operator 0 was read as ADD, LiteRT says PRELU"


def test_a_fault_of_the_evaluator_is_litert_s_to_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from isobit.check.source.tflite import window

    build = _compiled(_net(), tmp_path)
    monkeypatch.setattr(window, "half_away", lambda x: np.floor(x).astype(np.int64))
    verdict = _verdict(build)
    assert not verdict.equal and verdict.exact_mismatches > 0 and verdict.oracles[0].unexplained == 0


def test_without_litert_the_verdict_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = _compiled(_net(), tmp_path)
    monkeypatch.setattr(oracles, "litert_version", lambda: "")
    verdict = _verdict(build)
    (oracle,) = verdict.oracles
    assert verdict.equal and not oracle.ran and "ai-edge-litert" in oracle.note


def test_a_file_that_litert_refuses_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = _compiled(_net(), tmp_path)

    def refuse(*_: Any) -> Any:
        raise ValueError("no such kernel\x1b[31m")

    monkeypatch.setattr(litert, "_invoked", refuse)
    verdict = _verdict(build)
    assert verdict.equal and not any(o.ran for o in verdict.oracles)
    assert "no such kernel" in verdict.oracles[0].note and "\x1b" not in verdict.oracles[0].note


def test_a_sum_says_which_kernel_it_follows(tmp_path: Path) -> None:
    """The reference kernel of int8 SUM is wrong: its difference is told by name and is no fault of the graph's."""
    net = Draw("int8")
    x = net.input((1, 4), 0.5, 5)
    total = net.op("SUM", [x, net.integers([1])], (1,), 1.0, 7)
    net.op("RESHAPE", [total, net.integers([1, 1])], (1, 1), 1.0, 7, new_shape=[1, 1])
    verdict = _verdict(_compiled(net, tmp_path))
    reference, plain, default = verdict.oracles
    assert verdict.equal and verdict.exact_mismatches == 0
    assert reference.mismatches > 12 and reference.unexplained == 0
    assert "int8 SUM follows TensorFlow Lite Micro" in reference.note
    assert plain.integers == 48 and "float32 kernel" in plain.note
    assert default.outputs == 24


def test_the_default_kernels_of_a_dequantised_output_are_told(tmp_path: Path) -> None:
    net = _net()
    last = net.operators[-1].outputs[0]
    net.op("DEQUANTIZE", [last], (1, 5), dtype="float32")
    default = _verdict(_compiled(net, tmp_path)).oracles[-1]
    assert default.ran and default.outputs == 24 * 5


def test_the_terminal_names_the_oracles() -> None:
    ran = OracleRun("LiteRT, reference kernels", "2.3.0", 8, 80, 3, 900, 2, "layer y, sample 0", "a note")
    verdict = SourceVerdict(80, 0, 8, 900, (), (), form="tflite", oracles=(ran, OracleRun("other", note="not here")))
    lines = "\n".join(_source_lines(verdict))
    assert "oracle: LiteRT, reference kernels 2.3.0: 8 samples,\n  3 of 80 outputs differ, 2 unexplained" in lines
    assert "layer y, sample 0" in lines and "a note" in lines and "oracle: other: not run: not here" in lines
    assert not verdict.equal


def test_other_numbers_of_the_default_kernels_are_never_behind_a_bare_equal() -> None:
    """What most users of LiteRT run rounds otherwise for some operators."""
    judges = (
        OracleRun("LiteRT, reference kernels", "1", 4, 4000),
        OracleRun("LiteRT, default kernels", "1", 4, 4000, 5),
    )
    for ran, word in ((judges, "equal to the reference kernels"), (judges[:1], "equal")):
        ends = oracles.shown_by_default(ran)
        verdict = SourceVerdict(4000, 0, 4, 4000, (), (), form="tflite", oracles=ran, ends=ends)
        assert verdict.equal and CsimResult((), None, verdict).verdict == word
    one = oracles.shown_by_default((OracleRun("LiteRT, default kernels", "1", 4, 4000, 1),))
    assert one is not None and (one.differing, one.bare) == (1, False)
