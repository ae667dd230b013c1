"""The driver's arithmetic is the interpreter's, on this machine and on emulated 32-bit ARM."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from isobit.interp import dequantise, host, quantise
from isobit.ir.ops import Input, Output
from isobit.numerics import Rounding
from isobit.pynq.package import host_record
from tests.pynq.arithmetic_cases import SHAPE, floats, inexact_outputs, integers, outputs, quantisers
from tests.pynq.environments import arm_python

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "pynq"
DTYPES = ("|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8")


@pytest.fixture(scope="module")
def board_module() -> Iterator[Any]:
    """``board_module(name)``: a module of ``templates/pynq``, as the board would import it."""
    sys.path.insert(0, str(TEMPLATES))

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, TEMPLATES / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    yield load
    sys.path.remove(str(TEMPLATES))
    for name in ("driver", "arithmetic"):
        sys.modules.pop(name, None)


def cases() -> list[tuple[dict[str, Any], Any, Any]]:
    """(what the driver knows, what it is given, what the interpreter makes of it)."""
    made = []
    with np.errstate(over="ignore"):
        for node in quantisers():
            made.append((through_json(node), floats(node), quantise(node, floats(node))))
        for node in outputs():
            made.append((through_json(node), integers(), dequantise(node, integers())))
    return made


def through_json(node: Input | Output) -> dict[str, Any]:
    """The record as the board reads it back from ``model.json``."""
    return json.loads(json.dumps(host_record(node, SHAPE)))  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_arithmetic_is_the_interpreters_to_the_last_bit(board_module: Any) -> None:
    arithmetic = board_module("arithmetic")
    made = cases()
    for record, given, expected in made:
        function = arithmetic.quantise if "quantiser" in record else arithmetic.dequantise
        got = function(record, given)
        assert got.dtype == expected.dtype and got.tobytes() == expected.tobytes(), record
    assert len(made) > 30
    for node in inexact_outputs():
        small = integers(200) % 100
        got = arithmetic.dequantise(through_json(node), small)
        assert got.tobytes() == dequantise(node, small).tobytes()


def test_every_function_of_the_interpreters_host_is_there(board_module: Any) -> None:
    arithmetic = board_module("arithmetic")
    ours = {*arithmetic._ARITHMETIC, *arithmetic._MOVES, *arithmetic._FUNCTIONS}
    assert ours == {*host._ARITHMETIC, *host._FUNCTIONS}
    assert set(arithmetic._ROUND) == {r.name for r in Rounding}


def test_one_wrong_rounding_would_be_noticed(board_module: Any) -> None:
    arithmetic = board_module("arithmetic")
    for node in quantisers():
        record = through_json(node)
        if record["quantiser"] and record["quantiser"]["rounding"] == "ROUND" and not node.host:
            record["quantiser"]["rounding"] = "HALF_UP"
            assert not np.array_equal(arithmetic.quantise(record, floats(node)), quantise(node, floats(node)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_words_are_little_endian_containers(dtype: str, board_module: Any) -> None:
    given = extremes(dtype)
    ends = int(given.min()), int(given.max())
    port = board_module("driver").Port("p", "p", "dma_0", True, 6, 6, 6, dtype, SHAPE, *ends, {})
    raw = port.pack(given)
    assert raw.tobytes() == b"".join(
        int(v).to_bytes(np.dtype(dtype).itemsize, "little", signed="i" in dtype) for v in given.ravel()
    )
    assert np.array_equal(port.unpack(raw), given) and port.frame_bytes == 6 * np.dtype(dtype).itemsize


@pytest.mark.parametrize("wrong", [np.full((1, 2, 3), 128), np.zeros((1, 3, 2), int), np.zeros((1, 2, 3))])
def test_what_does_not_fit_a_port_is_refused(wrong: Any, board_module: Any) -> None:
    port = board_module("driver").Port("p", "p", "dma_0", True, 6, 6, 6, "|i1", SHAPE, -128, 127, {})
    with pytest.raises(ValueError, match=r"lies outside -128 \.\. 127|takes integers"):
        port.pack(wrong)


def test_arithmetic_on_emulated_32_bit_arm(tmp_path: Path) -> None:
    command = arm_python()
    made = cases()
    arrays: dict[str, Any] = {"hosts": json.dumps([record for record, _, _ in made]), "dtypes": json.dumps(DTYPES)}
    for i, (_, given, expected) in enumerate(made):
        arrays |= {f"given{i}": given, f"expected{i}": expected}
    for i, dtype in enumerate(DTYPES):
        arrays |= {f"integers{i}": extremes(dtype), f"raw{i}": extremes(dtype).astype(dtype).view(np.uint8)}
    np.savez(tmp_path / "cases.npz", **arrays)
    script = Path(__file__).parent / "arm.py"
    done = subprocess.run(
        [*command, "-W", "ignore", str(script), str(TEMPLATES), str(tmp_path / "cases.npz")],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"{len(made)} cases equal on armv7l\n"), done.stderr[-2000:]


def extremes(dtype: str) -> Any:
    """Integers ``(4, *SHAPE)`` with both ends of a container."""
    ends = np.iinfo(dtype)
    rng = np.random.default_rng(1)
    values = rng.integers(ends.min, ends.max, (4, *SHAPE), dtype=np.int64, endpoint=True)
    values[0, 0, :2] = ends.min, ends.max
    return values
