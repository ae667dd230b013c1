"""The float32 reading of a network: exact accumulators, float32 element by element behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx_builder import Net

from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.errors import IsobitError
from isobit.flow import compile_model
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.qonnx import quantisers
from isobit.frontend.qonnx.float_arithmetic import Asked, arithmetic_of
from isobit.frontend.qonnx.float_reading import FloatReading
from isobit.frontend.qonnx.importer import Imported, import_traced
from isobit.interp import Evaluator, quantise
from isobit.ir.ops import Step
from isobit.numerics import Cuts, Rounding
from isobit.numerics.float32 import nearest_float32, scaled_float32

f32 = np.float32
MODES = ("ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")
INPUTS, OUTPUTS = 6, 3


def read(path: Path, arithmetic: Asked) -> Imported:
    return import_traced(load_onnx(path), None, arithmetic)


def integers(made: Imported, x: Any) -> Any:
    """The last step's integers."""
    graph = made.graph
    values = Evaluator(graph).run({node.name: quantise(node, x) for node in graph.inputs})
    return values[graph.outputs[0].name]


def real_outputs(made: Imported, x: Any) -> list[Fraction]:
    scale = made.graph.outputs[0].scale
    return [scale[0] * int(v) + made.graph.outputs[0].offset[0] for v in integers(made, x).flat]


def evaluated(path: Path, made: Imported, x: Any, float32: bool = True) -> list[Fraction]:
    found = evaluate_exact(path, {"x": x}, float32=float32, exact=made.arithmetic.kept)
    (tensor,) = found.values()
    return [Fraction(int(n), tensor.den) for n in tensor.num.flat]


# --------------------------------------------------------------------------------------------------------- rounding


@given(st.fractions(), st.integers(-160, 130))
def test_a_rational_is_rounded_to_float32_once(value: Fraction, power: int) -> None:
    value *= Fraction(2) ** power
    found = nearest_float32(value)
    if not np.isfinite(found):
        assert abs(value) >= Fraction(2) ** 128 - Fraction(2) ** 103
        return
    distance = abs(Fraction(float(found)) - value)
    for other in (np.nextafter(found, f32(np.inf)), np.nextafter(found, f32(-np.inf))):
        if np.isfinite(other):
            apart = abs(Fraction(float(other)) - value)
            assert distance < apart or (distance == apart and found.view(np.uint32) % 2 == 0)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1), st.fractions(), st.fractions())
def test_scaled_integers_are_rounded_once(numbers: list[int], scale: Fraction, offset: Fraction) -> None:
    found = scaled_float32(np.array(numbers), scale, offset)
    assert found.tolist() == [nearest_float32(scale * n + offset) for n in numbers]


def test_half_way_between_two_float32_the_rest_decides() -> None:
    middle = Fraction(1) + Fraction(1, 2**24)
    assert nearest_float32(middle) == 1 and nearest_float32(middle + Fraction(1, 2**80)) == np.nextafter(f32(1), f32(2))


# -------------------------------------------------------------------------------------------------- against brute force


def small_net(rng: np.random.Generator, mode: str) -> tuple[Net, dict[str, Any]]:
    """3-bit inputs, weights of 3 bits, a bias, a BatchNormalization, a ReLU or none, and a quantiser of 4 bits."""
    tenths = f32(rng.integers(1, 9)) / f32(10)
    p: dict[str, Any] = {
        "sx": f32(0.1), "sw": rng.choice([f32(0.1), f32(0.3), f32(rng.uniform(0.01, 1))]), "sy": tenths / f32(4),
        "w": rng.integers(-3, 4, (INPUTS, OUTPUTS)), "bias": (rng.integers(-9, 10, OUTPUTS) / 10).astype(f32),
        "gamma": rng.uniform(-2, 2, OUTPUTS).astype(f32), "beta": rng.uniform(-1, 1, OUTPUTS).astype(f32),
        "mean": rng.uniform(-1, 1, OUTPUTS).astype(f32), "variance": rng.uniform(0.1, 2, OUTPUTS).astype(f32),
        "norm": bool(rng.integers(2)), "relu": bool(rng.integers(2)), "mode": mode,
    }  # fmt: skip
    net = Net([1, INPUTS])
    x = net.quant("x", p["sx"], 0.0, 3)
    y = net.op("MatMul", x, net.quant((p["w"] * p["sw"]).astype(f32), p["sw"], 0.0, 4))
    y = net.op("Add", y, p["bias"])
    if p["norm"]:
        y = net.op("BatchNormalization", y, p["gamma"], p["beta"], p["mean"], p["variance"])
    y = net.op("Relu", y) if p["relu"] else y
    net.quant(y, p["sy"], 0.0, 4, rounding_mode=mode)
    return net, p


def plainly(p: dict[str, Any], channel: int, n: int) -> int:
    """The quantiser's integer of accumulator ``n`` in a channel, one float32 operation after the other."""
    v = f32(float(n) * float(f32(p["sx"] * p["sw"]))) + p["bias"][channel]
    if p["norm"]:
        factor = p["gamma"][channel] / np.sqrt(p["variance"][channel] + f32(1e-5))
        v = v * factor + (p["beta"][channel] - p["mean"][channel] * factor)
    v = max(v, f32(0)) if p["relu"] else v
    q = f32(v / p["sy"])
    size = np.abs(q)
    rounded = {
        "ROUND": np.rint(q), "CEIL": np.ceil(q), "FLOOR": np.floor(q), "UP": np.sign(q) * np.ceil(size),
        "DOWN": np.trunc(q), "HALF_UP": np.sign(q) * np.floor(size + f32(0.5)),
        "HALF_DOWN": np.sign(q) * np.ceil(size - f32(0.5)),
    }  # fmt: skip
    return int(np.clip(rounded[p["mode"]], -8, 7))


@pytest.mark.parametrize("mode", MODES)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_staircase_is_the_float32_function_of_every_accumulator(tmp_path: Path, mode: str, seed: int) -> None:
    net, p = small_net(np.random.default_rng(seed), mode)
    made = read(net.save(tmp_path), "float32")
    assert made.arithmetic.kept == []
    (step,) = (node for node in made.graph.nodes if isinstance(node, Step))
    (product,) = (node for node in made.graph.nodes if type(node).__name__ == "Linear")
    negated = made.graph.by_name[step.inputs[0]]
    signs = [1] * OUTPUTS if negated is product else negated.coefficients[0].tolist()  # type: ignore[attr-defined]
    kind = made.graph.types[product.name]
    for channel in range(OUTPUTS):
        accumulators = range(int(kind.lo[channel % len(kind.lo)]), int(kind.hi[channel % len(kind.hi)]) + 1)
        found = [step.curves[channel % len(step.curves)].at(signs[channel % len(signs)] * n) for n in accumulators]
        assert found == [plainly(p, channel, n) for n in accumulators]
        assert found in (sorted(found), sorted(found, reverse=True))


@given(seed=st.integers(0, 2**32 - 1), mode=st.sampled_from(MODES))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_graph_and_evaluator_agree_in_both_arithmetics(tmp_path: Path, seed: int, mode: str) -> None:
    rng = np.random.default_rng(seed)
    net, _ = small_net(rng, mode)
    path, x = net.save(tmp_path), rng.uniform(-0.5, 0.5, (16, INPUTS)).astype(f32)
    for arithmetic in ("exact", "float32"):
        made = read(path, arithmetic)  # type: ignore[arg-type]
        assert real_outputs(made, x) == evaluated(path, made, x, arithmetic == "float32")


# -------------------------------------------------------------------------------------------------------- ternary nets


def ternary_net(scale: float = 0.1) -> Net:
    """Ternary activations of scale 1, binary weights of a constant scale: five times 0.1 is the next threshold."""
    rng = np.random.default_rng(0)
    net = Net([1, 16])
    x = net.quant("x", 1.0, 0.0, 2, narrow=1)
    signs = net.bipolar(rng.choice([-1.0, 1.0], (16, 8)).astype(f32), scale)
    net.quant(net.op("MatMul", x, signs), 1.0, 0.0, 2, narrow=1)
    return net


def test_where_ties_are_systematic_float32_is_followed(tmp_path: Path) -> None:
    path = ternary_net().save(tmp_path)
    x = np.random.default_rng(1).standard_normal((200, 16)).astype(f32)
    exact, chosen = read(path, "exact"), read(path, "auto")
    assert chosen.arithmetic.followed == "float32" and chosen.arithmetic.ties[0].systematic
    assert real_outputs(chosen, x) == evaluated(path, chosen, x)
    assert real_outputs(exact, x) == evaluated(path, exact, x, float32=False)
    # the other arithmetic is another network: each evaluator catches the wrong graph
    assert real_outputs(exact, x) != evaluated(path, exact, x)
    assert real_outputs(chosen, x) != evaluated(path, chosen, x, float32=False)


Curves = Callable[..., tuple[Any, bool]]


def _shifted(right: Curves) -> Curves:
    """Every edge one accumulator late."""

    def wrong(*given: Any) -> tuple[Any, bool]:
        curve, falls = right(*given)
        cuts = curve.restrict(-1000, 1000)
        return Cuts(cuts.start, [int(c) + 1 for c in cuts.cuts()]), falls

    return wrong


def _rounded_up(right: Curves) -> Curves:
    """The quantiser rounds up where the file says to nearest."""
    return lambda segments, channel, quantiser: right(segments, channel, replace(quantiser, rounding=Rounding.CEIL))


def _turned(right: Curves) -> Curves:
    """A falling function is taken for a rising one, and the other way round."""

    def wrong(*given: Any) -> tuple[Any, bool]:
        curve, falls = right(*given)
        return curve, not falls

    return wrong


def _constant(right: Curves) -> Curves:
    """The staircase is lost."""
    return lambda *given: (Cuts(right(*given)[0].at(0), []), False)


@pytest.mark.parametrize("fault", [_shifted, _rounded_up, _turned, _constant])
@pytest.mark.parametrize("arithmetic", ["auto", "float32"])
def test_a_fault_of_the_exact_reading_is_no_reason_to_follow_the_other(
    fault: Callable[[Curves], Curves], arithmetic: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a fault of the float32 reading: what differs by more than rounding is an error, not a choice."""
    net, _ = small_net(np.random.default_rng(3), "ROUND")
    path = net.save(tmp_path)
    assert read(path, arithmetic).graph.nodes
    monkeypatch.setattr(quantisers, "uniform_curve", fault(quantisers.uniform_curve))
    with pytest.raises(IsobitError, match=r"E901.*further apart than rounding explains") as error:
        read(path, arithmetic)
    assert error.value.where


def test_a_fault_of_the_float32_reading_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ternary_net().save(tmp_path)
    own = FloatReading.at
    monkeypatch.setattr(FloatReading, "at", lambda self, c, n: own(self, c, n) * f32(1.3))
    with pytest.raises(IsobitError, match="E901"):
        read(path, "auto")


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_error_bound_holds(tmp_path: Path, seed: int) -> None:
    """Against the same operations in rational arithmetic, constants and all."""
    rng = np.random.default_rng(seed)
    reading = FloatReading(*(np.array([Fraction(float(f32(rng.normal() * s)))], dtype=object) for s in (0.1, 3)))
    n = rng.integers(-(2**20), 2**20, 50)
    wanted = [reading.scale[0] * int(v) + reading.offset[0] for v in n]
    for _ in range(int(rng.integers(1, 6))):
        kind, constant = rng.choice(["add", "mul", "div", "leaky"]), Fraction(float(rng.uniform(0.01, 5)))
        made = reading.then(str(kind), np.array([constant], dtype=object))
        assert made is not None
        reading = made
        operation = {
            "add": lambda v, c: v + c, "mul": lambda v, c: v * c, "div": lambda v, c: v / c,
            "leaky": lambda v, c: v * c if v < 0 else v,
        }[str(kind)]  # fmt: skip
        wanted = [operation(v, constant) for v in wanted]
    found, bounds = reading.at(0, n), reading.error(0, n)
    assert all(abs(Fraction(float(y)) - w) <= Fraction(float(b)) for y, w, b in zip(found, wanted, bounds, strict=True))


def test_powers_of_two_have_no_ties(tmp_path: Path) -> None:
    made = read(ternary_net(0.125).save(tmp_path), "auto")
    assert made.arithmetic.followed == "exact" and made.arithmetic.ties == []


def test_the_manifest_says_what_is_followed_and_why(tmp_path: Path) -> None:
    path = ternary_net().save(tmp_path)
    records = {a: compile_model(path, tmp_path / a, arithmetic=a).manifest.source.arithmetic for a in ("exact", "auto")}  # type: ignore[arg-type]
    assert (records["exact"].followed, records["exact"].ties) == ("exact", ())
    assert (records["auto"].followed, records["auto"].asked, len(records["auto"].ties)) == ("float32", "auto", 1)


def test_a_layer_without_a_known_float32_form_stays_exact_and_is_named(tmp_path: Path) -> None:
    net = Net([1, 4])
    y = net.op("Sigmoid", net.op("MatMul", net.quant("x", 0.1, 0.0, 3), net.quant(np.eye(4) / 10, 0.1, 0.0, 3)))
    last = net.quant(y, 0.1, 0.0, 4)
    path = net.save(tmp_path)
    made, x = read(path, "float32"), np.random.default_rng(2).standard_normal((20, 4)).astype(f32)
    assert made.arithmetic.kept == [last]
    assert real_outputs(made, x) == evaluated(path, made, x)


def test_an_unknown_arithmetic_is_refused() -> None:
    with pytest.raises(IsobitError, match="E210"):
        arithmetic_of("float16")
