"""Modules with several inputs and outputs by name, and what is refused of modules before any export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import onnx
import pytest
import torch
from torch import nn

import isobit
from isobit.cli.words import shapes_joined
from isobit.errors import IsobitError
from isobit.frontend.brevitas import export_module


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.first = qnn.QuantIdentity(bit_width=8, return_quant_tensor=True)
        self.other = qnn.QuantIdentity(bit_width=8, return_quant_tensor=True)
        self.dense = qnn.QuantLinear(8, 4, bias=False, weight_bit_width=4)
        self.small = qnn.QuantLinear(3, 4, bias=False, weight_bit_width=4)
        self.relu = qnn.QuantReLU(bit_width=4, return_quant_tensor=True)
        self.last = qnn.QuantIdentity(bit_width=6, return_quant_tensor=True)


class Pair(Base):
    def forward(self, x: Any) -> Any:
        hidden = self.dense(self.first(x))
        return self.relu(hidden), [self.last(hidden)]


class Named(Base):
    def forward(self, x: Any) -> Any:
        hidden = self.dense(self.first(x))
        return {"box": self.relu(hidden), "scores": {"cls": self.last(hidden)}}


class Twice(Base):
    def forward(self, x: Any) -> Any:
        made = self.relu(self.dense(self.first(x)))
        return made, made


class Joined(Base):
    def forward(self, a: Any, b: Any, scale: Any = None) -> Any:
        return self.relu(self.dense(self.first(a)) + self.small(self.other(b)))


class Unused(Base):
    def forward(self, a: Any, b: Any) -> Any:
        return self.relu(self.dense(self.first(a)))


def values(made: Any) -> list[np.ndarray]:
    """The plain arrays of whatever a module returned, in order."""
    if hasattr(made, "bit_width"):
        return [made.value.detach().numpy()]
    parts = made.values() if isinstance(made, dict) else made
    return [array for part in parts for array in values(part)]


CASES = [
    (Pair, 8, ["output_0", "output_1_0"]),
    (Named, 8, ["box", "scores_cls"]),
    (Twice, 8, ["output_0", "output_1"]),
    (Joined, {"b": (3,), "a": (8,)}, ["output"]),
    (Joined, "a=8 b=3", ["output"]),
    (Unused, "a=8 b=3", ["output"]),
]


@pytest.mark.parametrize(("kind", "shape", "outputs"), CASES)
def test_outputs_and_inputs_have_the_modules_own_names(
    kind: Callable[[], Base], shape: Any, outputs: list[str]
) -> None:
    module, rng = kind().eval(), np.random.default_rng(1)
    x = rng.normal(0, 1, (16, 8)).astype(np.float32), rng.normal(0, 1, (16, 3)).astype(np.float32)
    x = x if isinstance(module, Joined | Unused) else x[:1]
    build = isobit.compile(module, input_shape=shape)
    made = build.predict(dict(zip("ab", x, strict=True)) if len(x) > 1 else x[0], graph=True)
    found = made if isinstance(made, dict) else {"output": made}
    assert list(found) == outputs
    with torch.no_grad():
        wanted = values(module(*map(torch.from_numpy, x)))
    assert all(np.array_equal(found[name], array) for name, array in zip(outputs, wanted, strict=True))
    assert len(np.unique(wanted[0])) > 3


@pytest.mark.slow
def test_the_other_exporter_gives_the_same_names(tmp_path: Path) -> None:
    graph = onnx.load(export_module(Unused(), {"a": (8,), "b": (3,)}, tmp_path / "m.onnx", "dynamo")).graph
    assert ([i.name for i in graph.input], [o.name for o in graph.output]) == (["a", "b"], ["output"])


SHAPES = [
    (Joined(), 8, "E302", "it takes 2 inputs: a, b", "--input-shape a=... b=..."),
    (Joined(), "a=8", "E302", "nothing says the shape of its input 'b'", "add b=..."),
    (Joined(), "a=8 b=3 c=1", "E302", "it has no input 'c'", "one of a, b, scale"),
    (Joined(), "a=8 b=x", "E106", "'x' is not a list", "a=3,8 b=4"),
    (Joined(), "a=8 a=3", "E106", "is not a list", "a=3,8 b=4"),
]


@pytest.mark.parametrize(("module", "shape", "code", "what", "hint"), SHAPES)
def test_shapes_that_do_not_fit(module: Base, shape: Any, code: str, what: str, hint: str) -> None:
    with pytest.raises(IsobitError) as refusal:
        isobit.compile(module, input_shape=shape)
    assert refusal.value.code == code and what in refusal.value.message and hint in refusal.value.hint


UNREADABLE: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: nn.Sequential(qnn.QuantLSTM(4, 8)), "E201", "QuantLSTM is recurrent"),
    (lambda: qnn.QuantRNN(4, 8), "E201", "QuantRNN is recurrent"),
    (lambda: nn.GRU(4, 8), "E201", "GRU is recurrent"),
    (lambda: nn.Sequential(qnn.QuantMultiheadAttention(8, 2)), "E201", "multiplies activations by activations"),
    (lambda: Pair().half(), "E108", "its weights are float16"),
    (lambda: Pair().double(), "E108", "its weights are float64"),
    (lambda: nn.Sequential(nn.Linear(8, 4)), "E203", "nothing in this model is quantised"),
    (lambda: nn.Sequential(qnn.QuantLinear(8, 4, bias=False)), "E209", "only the weights are quantised"),
    (lambda: Pair, "E301", "the class Pair"),
    (lambda: Pair().state_dict(), "E301", "a mapping of weights"),
]


@pytest.mark.parametrize(("make", "code", "what"), UNREADABLE, ids=[row[2] for row in UNREADABLE])
def test_the_true_cause_is_named_before_any_export(make: Callable[[], Any], code: str, what: str) -> None:
    with pytest.raises(IsobitError) as refusal:
        isobit.compile(make(), input_shape=(5, 8))
    assert refusal.value.code == code and what in refusal.value.message and refusal.value.hint


SOURCE = """
class Net: pass
def build(bits): return None
def weights(): return {"w": 1}
def kind(): return Net
"""
OTHERS = [
    ("net.py", "E301", "a Python file without a factory", "net.py:Net, "),
    ("net", "E101", "a Python file beside it", "net.py:build"),
    ("net.py:bild", "E301", "there is no factory named 'bild'", "did you mean 'build'"),
    ("net.py:build", "E301", "the factory needs the argument 'bits'", "--arg bits=..."),
    ("net.py:kind", "E301", "the class Net", "Net()"),
    ("net.py:weights", "E301", "a mapping of weights", "load_state_dict"),
    ("weights.pt", "E301", "a checkpoint holds weights", "load_state_dict(torch.load('weights.pt'))"),
    ("anything", "E301", "a checkpoint holds weights", "file.py:function"),
    ("net.keras", "E102", "a model of TensorFlow or Keras", "TFLite"),
    ("saved", "E102", "a model of TensorFlow or Keras", "TFLite"),
]


@pytest.mark.parametrize(("source", "code", "what", "hint"), OTHERS, ids=[row[0] for row in OTHERS])
def test_what_users_give_in_a_models_place(
    source: str, code: str, what: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(SOURCE)
    torch.save({"w": torch.zeros(2)}, "anything")
    for name in ("weights.pt", "net.keras"):
        Path(name).write_bytes(b"")
    Path("saved").mkdir()
    Path("saved/saved_model.pb").write_bytes(b"")
    with pytest.raises(IsobitError) as refusal:
        isobit.compile(source)
    assert refusal.value.code == code and what in refusal.value.message and hint in refusal.value.hint


def test_an_unknown_argument_of_a_factory(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("def build(bits=4): return None\n")
    with pytest.raises(IsobitError, match="no argument 'bit'") as refusal:
        isobit.compile(f"{tmp_path}/net.py:build", arguments={"bit": 4})
    assert "did you mean 'bits'" in refusal.value.hint


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("m.py:f --input-shape a=3,8 b=4 -o x", ["m.py:f", "--input-shape", "a=3,8 b=4", "-o", "x"]),
        ("--input-shape=a=3 b=4x2 m.py:f", ["--input-shape=a=3 b=4x2", "m.py:f"]),
        ("--input-shape 3,8 b=4", ["--input-shape", "3,8", "b=4"]),
        ("--input-shape a=3 --arg b=4", ["--input-shape", "a=3", "--arg", "b=4"]),
        ("m --input-shape", ["m", "--input-shape"]),
    ],
)
def test_shapes_by_name_are_one_word(line: str, words: list[str]) -> None:
    assert shapes_joined(line.split()) == words
