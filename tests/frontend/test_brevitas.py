"""The Brevitas frontend: what is exported, what is left alone, what is refused."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any, get_args

import brevitas.nn as qnn
import brevitas.quant as q
import numpy as np
import onnx
import pytest
import torch
from brevitas.core.restrict_val import FloatToIntImplType
from brevitas.inject.enum import QuantType
from brevitas_examples.bnn_pynq.models.common import CommonActQuant, CommonWeightQuant
from models.brevitas_nets import FAST_CASES, Net
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from torch import nn

from isobit import demo
from isobit.errors import IsobitError
from isobit.frontend.brevitas import Exporter, export_brevitas, export_module
from isobit.frontend.factories import load_module
from isobit.frontend.modules import input_shapes

EXPORTERS: tuple[Exporter, ...] = get_args(Exporter)
QUANTISED = tuple(net for net in FAST_CASES if net.output_quant)
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "train.py"


def integers_of_file(path: Path, inputs: np.ndarray, scale: float) -> np.ndarray:
    """The output integers of a QONNX file by qonnx, int64 [N, outputs]."""
    model = ModelWrapper(str(path)).transform(InferShapes())
    outputs = [execute_onnx(model, {"input": sample[None]})["output"] for sample in inputs]
    return np.rint(np.concatenate(outputs) / scale).astype(np.int64)


def integers_of_module(module: nn.Sequential, inputs: np.ndarray) -> np.ndarray:
    """The output integers of a module that ends in a quantiser, int64 [N, outputs]."""
    with torch.no_grad():
        made = module(torch.from_numpy(inputs))
    integers: np.ndarray = np.rint(getattr(made, "value", made).numpy() / output_scale(module)).astype(np.int64)
    return integers


def output_scale(module: Any) -> float:
    """The scale of a module's last quantiser."""
    return float(module[-1].act_quant.scale().detach())


def first_difference(left: np.ndarray, right: np.ndarray) -> tuple[int, ...] | None:
    """The index of the first unequal element, ``None`` if there is none."""
    assert left.shape == right.shape, (left.shape, right.shape)
    places = np.argwhere(left != right)
    return None if len(places) == 0 else tuple(int(index) for index in places[0])


def assert_same_integers(module: nn.Sequential, inputs: np.ndarray, path: Path, exporter: Exporter) -> None:
    export_module(module, None, path, exporter)
    expected = integers_of_module(module, inputs)
    assert len(np.unique(expected)) > 3
    assert first_difference(integers_of_file(path, inputs, output_scale(module)), expected) is None


@pytest.mark.parametrize("net", QUANTISED, ids=lambda net: net.name)
def test_the_file_means_what_the_module_means(net: Net, tmp_path: Path) -> None:
    assert_same_integers(net.build(), net.inputs(12, seed=7), tmp_path / "model.onnx", "torchscript")


@pytest.mark.parametrize("name", ["small_w1a1", "small_w3a5_shifted"])
def test_the_dynamo_file_means_what_the_module_means(name: str, tmp_path: Path) -> None:
    net = next(net for net in QUANTISED if net.name == name)
    assert_same_integers(net.build(), net.inputs(12, seed=7), tmp_path / "model.onnx", "dynamo")


ROUNDED_OTHERWISE: dict[str, dict[str, Any]] = {
    "floor": {"weight_float_to_int_impl_type": FloatToIntImplType.FLOOR, "weight_bit_width": 4},
    "ternary": {
        "weight_quant": CommonWeightQuant,
        "weight_quant_type": QuantType.TERNARY,
        "weight_bit_width": 2,
        "weight_threshold": 0.8,
        "weight_scaling_const": 0.2,
    },
    "accumulator_aware": {"weight_quant": q.Int8AccumulatorAwareWeightQuant, "weight_bit_width": 4},
}


@pytest.mark.parametrize(
    ("kind", "exporter"), [*((kind, "torchscript") for kind in ROUNDED_OTHERWISE), ("ternary", "dynamo")]
)
def test_weights_that_are_not_rounded_half_to_even_keep_their_integers(
    kind: str, exporter: Exporter, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    dense = qnn.QuantLinear(16, 4, bias=False, **ROUNDED_OTHERWISE[kind])
    module = nn.Sequential(qnn.QuantIdentity(return_quant_tensor=True), dense, qnn.QuantIdentity(bit_width=8))
    inputs = np.random.default_rng(3).uniform(-1, 1, (12, 16)).astype(np.float32)
    module(torch.from_numpy(inputs))
    assert_same_integers(module.eval(), inputs, tmp_path / "model.onnx", exporter)


def test_a_ternary_activation_with_another_threshold_is_refused(tmp_path: Path) -> None:
    quantiser = qnn.QuantIdentity(act_quant=CommonActQuant, bit_width=2, quant_type=QuantType.TERNARY, threshold=0.7)
    with pytest.raises(IsobitError) as refusal:
        export_module(nn.Sequential(quantiser, nn.Linear(4, 2)), None, tmp_path / "model.onnx")
    assert (refusal.value.code, refusal.value.where) == ("E302", "0.act_quant")


def test_two_exports_are_byte_identical(tmp_path: Path) -> None:
    """Also with the other exporter in between, and of a network built anew."""
    net = FAST_CASES[0]
    module = net.build()
    first = [export_module(module, None, tmp_path / "first.onnx", exporter).read_bytes() for exporter in EXPORTERS]
    again = [export_module(module, (16,), tmp_path / "again.onnx", exporter).read_bytes() for exporter in EXPORTERS]
    assert again == first
    assert export_module(net.build(), None, tmp_path / "rebuilt.onnx").read_bytes() == first[0]


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_the_file_holds_no_trace_of_the_machine(exporter: Exporter, tmp_path: Path) -> None:
    path = export_module(FAST_CASES[0].build(), None, tmp_path / "model.onnx", exporter)
    model = onnx.load(path)
    everything = [model, model.graph, *model.graph.node, *model.graph.input, *model.graph.value_info]
    assert not any(part.doc_string or part.metadata_props for part in everything)
    assert b".py" not in path.read_bytes()
    assert [value.name for value in model.graph.output] == ["output"]


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_the_users_module_and_process_are_left_alone(
    exporter: Exporter, tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    module = FAST_CASES[0].build().train()
    module[2].eval()
    flags = [part.training for part in module.modules()]
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    generators = torch.get_rng_state(), random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tolist()
    export_module(module, None, tmp_path / "model.onnx", exporter)
    assert [part.training for part in module.modules()] == flags
    assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert (random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tolist()) == generators[1:]
    assert capfd.readouterr() == ("", "")
    assert len(recwarn) == 0


NETWORK = """
from __future__ import annotations
from dataclasses import dataclass
import torch
import sibling

@dataclass
class Sizes:
    inputs: int = 6

class Net(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Linear(Sizes().inputs, sibling.OUTPUTS))

def factory():
    torch.manual_seed(1)
    return Net()

instance = factory()
number = 3
returns_text = str

def raises(): raise ValueError("no weights\\nsecond line")
def leaves(): raise SystemExit("stopped")

class Complex(Net):
    def forward(self, x): return torch.fft.fft(torch.complex(super().forward(x), x[:, :2]))

class Uncopyable(Net):
    def __deepcopy__(self, memo): raise TypeError("a handle to a device")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with ``net.py``, its sibling and some broken sources."""
    sources = {"net": NETWORK, "sibling": "OUTPUTS = 2\n", "broken": "def f(:\n", "needs": "\nimport not_there\n"}
    for name, text in sources.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "sibling", raising=False)
    monkeypatch.delitem(sys.modules, "net", raising=False)
    return tmp_path


@pytest.mark.parametrize("source", ["net.py:factory", "net:factory", "net.py:Net", "net.py:instance"])
def test_sources(source: str, folder: Path) -> None:
    path, state = list(sys.path), torch.get_rng_state()
    written = export_brevitas(source, None, folder / "made" / "model.onnx")
    assert [tuple(t.dims) for t in onnx.load(written).graph.initializer] == [(2, 6), (2,)]
    assert sys.path == path and torch.equal(torch.get_rng_state(), state)
    assert [file.name for file in written.parent.iterdir()] == ["model.onnx"]


def test_a_source_in_another_folder_finds_its_siblings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert input_shapes(load_module(f"{folder}/net.py:factory"), None) == {"input": (6,)}


REFUSALS = [
    ("missing.py:factory", "E301", "there is no such file", "missing.py"),
    ("net.py", "E301", "the source has no factory", "net.py"),
    (":factory", "E301", "the source has no factory", ":factory"),
    ("net.py:missing", "E301", "there is no factory named 'missing'", "net.py"),
    ("net.py:raises", "E301", "calling the factory: ValueError: no weights", "net.py:23"),
    ("net.py:leaves", "E301", "calling the factory: SystemExit: stopped", "net.py:24"),
    ("net.py:number", "E301", "calling the factory: TypeError: 'int' object is not callable", "net.py:number"),
    ("net.py:returns_text", "E301", "the factory returned str, not a torch.nn.Module", "net.py:returns_text"),
    ("broken.py:f", "E301", "importing the source: SyntaxError: invalid syntax (broken.py, line 1)", "broken.py:f"),
    ("needs.py:f", "E301", "importing the source: ModuleNotFoundError: No module named 'not_there'", "needs.py:2"),
    ("no_package.here:f", "E301", "ModuleNotFoundError: No module named 'no_package'", "no_package.here:f"),
    ("net.py:Complex", "E302", "the torchscript exporter failed: UnsupportedOperatorError", "Complex"),
    ("net.py:Uncopyable", "E302", "it cannot be copied: TypeError: a handle to a device", "Uncopyable"),
]


@pytest.mark.parametrize(("source", "code", "message", "where"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_refused_sources(
    source: str, code: str, message: str, where: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(IsobitError) as refusal:
        export_brevitas(source, None, folder / "model.onnx")
    assert (refusal.value.code, refusal.value.where) == (code, where)
    assert message in refusal.value.message and "\n" not in refusal.value.message
    assert not (folder / "model.onnx").exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("exporter", "other"), [EXPORTERS, EXPORTERS[::-1]])
def test_a_failed_export_suggests_the_other_exporter(exporter: Exporter, other: Exporter, folder: Path) -> None:
    class Branching(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows = int(super().forward(x).sum() > 0) + 1
            complex_rows: torch.Tensor = torch.fft.fft(torch.complex(x, x)).reshape(rows, -1)
            return complex_rows

    with pytest.raises(IsobitError) as refusal:
        export_module(Branching(4, 4), None, folder / "model.onnx", exporter)
    assert refusal.value.code == "E302"
    assert refusal.value.message.startswith(f"the {exporter} exporter failed: ")
    assert refusal.value.hint == f"try the other exporter: --exporter {other}"


def test_the_input_shape_is_inferred() -> None:
    assert input_shapes(FAST_CASES[0].build(), None) == {"input": (16,)}
    convolution = nn.Sequential(nn.Conv2d(3, 4, 3))
    setattr(convolution, "input_shape", [3, 8, 8])  # noqa: B010, mypy takes any attribute of a module for a tensor
    assert input_shapes(convolution, None) == {"input": (3, 8, 8)}


@pytest.mark.parametrize("shape", [None, (), (0,), (-1, 4), (2.0,), (5,)])
def test_a_wrong_or_missing_input_shape_is_refused(shape: Any, tmp_path: Path) -> None:
    with pytest.raises(IsobitError) as refusal:
        export_module(nn.Sequential(nn.Conv2d(3, 4, 3)), shape, tmp_path / "model.onnx")
    assert refusal.value.code == "E302"
    assert "--input-shape" in refusal.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["torch", "brevitas", "onnxoptimizer", "onnxscript"])
def test_a_missing_package_is_named(package: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.export")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(IsobitError) as refusal:
        export_brevitas("net.py:factory", None, folder / "model.onnx")
    assert (refusal.value.code, refusal.value.message) == ("E303", f"{package} is not installed")
    assert refusal.value.hint == 'pip install -e ".[train]"'


@pytest.mark.parametrize("destination", ["file/model.onnx", "folder"])
def test_a_destination_that_cannot_be_written_is_refused(destination: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsobitError) as refusal:
        export_module(nn.Sequential(nn.Linear(2, 2)), None, tmp_path / destination)
    assert refusal.value.code == "E601"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_the_demo_is_the_trained_network() -> None:
    module = load_module(f"{DIGITS}:build_model")
    assert isinstance(module, nn.Sequential)
    with np.load(demo.SAMPLES, allow_pickle=False) as samples:
        images, labels = samples["x"], samples["y"]
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((450, 64), np.float32, (450,), np.int64)
    expected = integers_of_module(module, images)
    assert (expected.argmax(1) == labels).sum() >= 440
    assert first_difference(integers_of_file(demo.MODEL, images[:25], output_scale(module)), expected[:25]) is None
