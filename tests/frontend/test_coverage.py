"""The coverage report: every operator once, the refusal's own words, what hangs behind it, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.frontend.coverage import check_model
from isobit.frontend.qonnx.importer import import_onnx
from tests.cli.runner import isobit
from tests.onnx_builder import Net
from tests.tflite_builder import TfliteNet


def mixed(folder: Path) -> Path:
    net = Net([1, 4])
    x = net.quant("x", 0.5, 0.0, 4)
    net.quant(net.op("Relu", net.op("Sin", x)), 0.1, 0.0, 4)
    net.op("MatMul", x, np.ones((4, 2)) * 0.3)
    return net.save(folder, "t3", "t4", x)


def test_it_does_not_stop_at_the_first(tmp_path: Path) -> None:
    found = check_model(mixed(tmp_path))
    told = [(o.op, o.status, o.code) for o in found.operators]
    assert sorted(told) == sorted([
        ("Quant", "exact", ""), ("Sin", "refused", "E201"), ("Relu", "behind", ""), ("Quant", "behind", ""),
        ("MatMul", "refused", "E203"), ("output", "behind", ""), ("output", "behind", ""), ("output", "exact", ""),
    ])  # fmt: skip
    assert not found.reads and found.counts["Quant"] == {"behind": 1, "exact": 1}


def test_a_network_of_floats_is_called_one(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.op("MatMul", net.op("Relu", net.op("MatMul", "x", np.ones((4, 4)) * 0.3)), np.ones((4, 2)) * 0.3)
    whole, *operators = check_model(net.save(tmp_path, "t2")).operators
    assert (whole.op, whole.name, whole.code) == ("file", "x", "E203")
    assert whole.why == "nothing in this model is quantised"
    assert [o.op for o in operators] == ["MatMul", "Relu", "MatMul", "output"]


def test_a_file_that_is_read(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.quant(net.op("Relu", net.quant("x", 0.5, 0.0, 4)), 0.1, 0.0, 4)
    path = net.save(tmp_path)
    assert check_model(path).reads
    done = isobit("check-model", path)
    assert done.status == 0 and "every operator is read, exactly" in done.out


def test_a_tflite_file(tmp_path: Path) -> None:
    net = TfliteNet()
    x = net.op("RELU", [net.input((1, 4), 0.1)], (1, 4), 0.1)
    y = net.op("RELU", [net.op("CUMSUM", [x], (1, 4), 0.1)], (1, 4), 0.1)
    path = net.save(tmp_path / "m.tflite", outputs=[x, y])
    told = [(o.op, o.status, o.code) for o in check_model(path).operators]
    wanted = [("RELU", "exact", ""), ("CUMSUM", "refused", "E201"), ("RELU", "behind", "")]
    assert told == [*wanted, ("output", "exact", ""), ("output", "behind", "")]
    assert isobit("check-model", path).status == 2
    assert check_model(net.save(tmp_path / "m.tflite", outputs=[x])).reads


def test_the_command(tmp_path: Path) -> None:
    path = mixed(tmp_path)
    done, as_json = isobit("check-model", path), isobit("check-model", path, "--json")
    assert done.status == as_json.status == 2
    assert "E201 Sin" in done.out and "E203 MatMul" in done.out and "Quant: 1 behind, 1 exact" in done.out
    content = json.loads(as_json.out)
    assert not content["reads"] and len(content["operators"]) == 8


def test_an_operator_that_cannot_be_read_is_named_before_its_surroundings(tmp_path: Path) -> None:
    net = Net([1, 3, 4])
    turned = net.op("Transpose", net.quant("x", 0.5), perm=[1, 0, 2])
    net.op("GRU", turned, np.zeros((1, 6, 4)), np.zeros((1, 6, 2)), outputs=("y", "h"), hidden_size=2)
    with pytest.raises(IsobitError, match="GRU") as caught:
        import_onnx(net.save(tmp_path, "y"))
    assert caught.value.code == "E201" and "recurrent" in caught.value.message
