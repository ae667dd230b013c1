"""The float32 reference: batches change nothing, names survive, what cannot run is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core import onnx_exec
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model

from isobit.check.source.float.run import run_float
from isobit.errors import IsobitError
from isobit.frontend.onnx.file import load_onnx
from tests.onnx_builder import Net, mlp, save

POWERS = [2.0**-k for k in (3, 4, 2, 5, 3)]


def small(rng: np.random.Generator) -> Net:
    return mlp(rng, [6, 8, 3], scales=POWERS)


def test_it_is_what_qonnx_computes_sample_by_sample(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = small(rng).save(tmp_path)
    data = rng.normal(size=(10, 6)).astype(np.float32)
    model = cleanup_model(ModelWrapper(str(path)))
    name, label = model.graph.input[0].name, model.graph.output[0].name
    expected = np.concatenate([execute_onnx(model, {name: row[None]})[label] for row in data])
    result = run_float(path, data)
    assert (next(iter(result.outputs.values())) == expected).all()


@pytest.mark.parametrize("batch", [1, 3, 10, 256])
def test_the_batch_size_changes_no_value(tmp_path: Path, batch: int) -> None:
    rng = np.random.default_rng(1)
    model = load_onnx(small(rng).save(tmp_path))
    data = rng.normal(size=(10, 6)).astype(np.float32)
    one, other = run_float(model, data), run_float(model, data, batch=batch)
    for name, tensor in {**one.tensors, **one.outputs}.items():
        assert (tensor == {**other.tensors, **other.outputs}[name]).all(), name
        assert tensor.shape == {**other.tensors, **other.outputs}[name].shape


def test_tensors_are_the_quantisers_under_the_names_of_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    net = small(rng)
    model = load_onnx(net.save(tmp_path))
    result = run_float(model, rng.normal(size=(4, 6)).astype(np.float32))
    assert set(result.tensors) == {node.output[0] for node in net.nodes if node.op_type == "Quant"}
    first, weight = (node.output[0] for node in net.nodes[:2])
    assert result.tensors[first].shape == (4, 6)
    assert result.tensors[weight].shape == (6, 8)


def test_odd_names_and_old_domains_run(tmp_path: Path) -> None:
    name = "a b\n'\"../int"
    net = Net([5, 2], name=name)
    net.op("Quant", name, 0.5, 0.0, 4.0, domain="onnx.brevitas", outputs=["class;"], signed=1, narrow=0)
    result = run_float(net.save(tmp_path, opset=9), np.array([[0.6, 9.0]], dtype=np.float32))
    assert result.outputs["class;"].tolist() == [[0.5, 3.5]]


@pytest.mark.parametrize("target", [[1, 4], [1, -1], [-1, 4]])
def test_a_reshape_to_one_sample_takes_a_batch(
    tmp_path: Path, target: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return execute_onnx(*args, **kwargs)

    monkeypatch.setattr(onnx_exec, "execute_onnx", counted)
    net = Net([1, 2, 2])
    net.quant(net.op("Reshape", "x", net.const(target, np.int64)), 1.0)
    data = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    output = next(iter(run_float(net.save(tmp_path), data).outputs.values()))
    assert output.tolist() == data.reshape(3, 4).tolist()
    assert len(calls) == 1


def test_a_graph_that_takes_no_batch_runs_sample_by_sample(tmp_path: Path) -> None:
    net = Net([1, 4])
    rows = net.op("Transpose", net.op("Reshape", "x", net.const([2, 2], np.int64)), perm=[1, 0])
    net.quant(net.op("Reshape", rows, net.const([1, 4], np.int64)), 1.0)
    output = next(iter(run_float(net.save(tmp_path), np.arange(8, dtype=np.float32).reshape(2, 4)).outputs.values()))
    assert output.tolist() == [[0, 2, 1, 3], [4, 6, 5, 7]]


def test_unsorted_nodes_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    net = small(rng)
    model = net.model()
    data = rng.normal(size=(5, 6)).astype(np.float32)
    expected = next(iter(run_float(save(model, tmp_path), data).outputs.values()))
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    result = next(iter(run_float(save(model, tmp_path), data).outputs.values()))
    assert (result == expected).all()


@pytest.mark.parametrize("shape", [(3, 5), (0, 6), (6,)])
def test_inputs_that_do_not_fit_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = small(np.random.default_rng(4)).save(tmp_path)
    with pytest.raises(IsobitError) as caught:
        run_float(path, np.zeros(shape, dtype=np.float32))
    assert caught.value.code == "E607"


def test_a_model_qonnx_cannot_run_is_a_coded_refusal(tmp_path: Path) -> None:
    net = Net([1, 2])
    net.quant("x", 1.0, rounding_mode="SIDEWAYS")
    with pytest.raises(IsobitError) as caught:
        run_float(net.save(tmp_path), np.zeros((2, 2), dtype=np.float32))
    assert caught.value.code == "E606"
    assert "SIDEWAYS" in caught.value.message
