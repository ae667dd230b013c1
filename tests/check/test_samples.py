"""The one rule for a user's arrays: the source's own layout, floats are real values, integers loud where ambiguous."""

from __future__ import annotations

import importlib.util
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.check.csim.samples import as_integers, read_samples, sample_form
from isobit.errors import IsobitError
from isobit.ir import HostOp
from isobit.ir.ops import Input, Quantiser, frozen_ints
from isobit.pynq.package import host_record

_SPEC = importlib.util.spec_from_file_location(
    "driver_arithmetic", Path(__file__).resolve().parents[2] / "templates" / "pynq" / "arithmetic.py"
)
assert _SPEC is not None and _SPEC.loader is not None
arithmetic = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(arithmetic)

LIMITS: dict[str, Any] = {"lo": frozen_ints(-128), "hi": frozen_ints(127), "name": "x", "outside": "image"}
TURNED: dict[str, Any] = {
    "shape": (10, 8, 3), "outside_shape": (3, 10, 8), "host": (HostOp("transpose", shape=(1, 2, 0)),)
}  # fmt: skip
FLOATS = Input(**LIMITS, **TURNED, scale=(Fraction(1, 2),), quantiser=Quantiser((0.5,), (0.0,), "ROUND", -128, 127))
WHOLE = Input(**LIMITS, **TURNED, scale=(Fraction(1, 2),), dtype="int8",
              quantiser=Quantiser((0.5,), (3.0,), "HALF_UP", -128, 127))  # fmt: skip
DECLARED = Input(**LIMITS, **TURNED, scale=(Fraction(1, 2),))
UNIT = Input(**LIMITS, **TURNED, quantiser=Quantiser((1.0,), (0.0,), "ROUND", -128, 127))
NODES = {"floats": FLOATS, "whole": WHOLE, "declared": DECLARED, "unit": UNIT}


def samples(dtype: Any = np.int8) -> Any:
    return np.random.default_rng(0).integers(-100, 100, (5, 3, 10, 8)).astype(dtype)


def driver(node: Input, x: Any) -> Any:
    return arithmetic.entering(json.loads(json.dumps(host_record(node, node.shape))), x)


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("order", [(0, 2, 3, 1), (0, 3, 2, 1), (0, 1, 3, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.int8])
def test_another_layout_is_refused_everywhere(name: str, order: tuple[int, ...], dtype: Any) -> None:
    x = samples(dtype).transpose(order)
    with pytest.raises(IsobitError, match="takes samples of shape") as caught:
        as_integers(NODES[name], read_samples(NODES[name], x, None if dtype == np.float32 else "integers"))
    assert caught.value.code == "E607" and "x.transpose(0, " in caught.value.hint
    back = x.transpose(0, *(int(v) for v in caught.value.hint.split("(0, ")[1].strip(")").split(", ")))
    assert np.array_equal(back, samples(dtype)), "the hint turns it back"
    with pytest.raises(ValueError, match="samples of shape"):
        driver(NODES[name], x)


@pytest.mark.parametrize("shape", [(3, 10, 8), (5, 240), (5, 3, 80), (5, 3, 8, 10, 1)])
def test_no_other_shape_is_taken(shape: tuple[int, ...]) -> None:
    for node in NODES.values():
        with pytest.raises(IsobitError, match="takes samples of shape"):
            as_integers(node, read_samples(node, np.zeros(shape, np.float32)))


def test_integers_of_an_integer_input_are_its_own_in_its_own_layout() -> None:
    x = samples()
    for node in (WHOLE, DECLARED):
        assert np.array_equal(as_integers(node, read_samples(node, x)), x.transpose(0, 2, 3, 1))
        assert np.array_equal(driver(node, x), x.transpose(0, 2, 3, 1))


def test_integers_for_floats_are_ambiguous_and_loud() -> None:
    x = samples()
    with pytest.raises(IsobitError, match="real values or the quantiser's integers") as caught:
        read_samples(FLOATS, x)
    assert "--samples" in caught.value.hint
    with pytest.raises(ValueError, match="float32"):
        driver(FLOATS, x)
    real, integers = (as_integers(FLOATS, read_samples(FLOATS, x, form)) for form in ("real", "integers"))
    assert np.array_equal(real, np.clip(2 * x.astype(int), -128, 127).transpose(0, 2, 3, 1))
    assert np.array_equal(integers, x.transpose(0, 2, 3, 1))
    assert np.array_equal(as_integers(UNIT, read_samples(UNIT, x)), integers), "both readings are the same"
    assert np.array_equal(driver(UNIT, x), integers)


def test_what_the_graph_holds_only_where_it_is_said() -> None:
    held = samples().transpose(0, 2, 3, 1)
    assert np.array_equal(as_integers(FLOATS, read_samples(FLOATS, held, "graph")), held)
    with pytest.raises(IsobitError, match="has shape"):
        read_samples(FLOATS, samples(), "graph")
    for form in ("integers", "graph"):
        with pytest.raises(IsobitError, match="not integers"):
            read_samples(FLOATS, held.astype(np.float32), form)  # type: ignore[arg-type]
    with pytest.raises(IsobitError, match="one of graph, integers, real"):
        sample_form("codes")
    assert [sample_form(word) for word in (None, "real", "graph")] == [None, "real", "graph"]


def test_floats_are_real_values_for_every_input() -> None:
    x = samples(np.float32) / 2
    for node in (FLOATS, DECLARED):
        assert np.array_equal(as_integers(node, read_samples(node, x)), samples().transpose(0, 2, 3, 1))
    assert np.array_equal(driver(DECLARED, x), samples().transpose(0, 2, 3, 1))
