"""A plain FINN build beside the exact integers; FINN itself runs where finn-plus is installed."""

from __future__ import annotations

import importlib.util
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from isobit.backends.finn import environment
from isobit.check.rivals.departure import differences
from isobit.check.rivals.finn import beside, check_finn
from isobit.check.rivals.source import Source, cleaned
from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.errors import IsobitError
from isobit.templates import root
from tests.backends.finn.nets import mlp
from tests.cli.runner import isobit
from tests.onnx_builder import Net

LAYERS = [{"name": f"MultiThreshold_{i}", "op": "MultiThreshold"} for i in range(4)] + [{"name": "out", "op": "output"}]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    graph = cleaned(mlp().save(tmp_path), tmp_path / "clean.onnx")
    x = np.random.default_rng(0).normal(0, 0.4, (5, 16)).astype(np.float32)
    return Source(graph, evaluate_exact(tmp_path / "clean.onnx", {graph.input[0].name: x}, taps=True))


def reals(source: Source) -> list[tuple[float, int, np.ndarray]]:
    """Scale, least integer and integers of every quantiser of the activations, in order."""
    found = []
    for node in source.by_name.values():
        if node.op_type == "Quant" and source.compared(node):
            scale = source.scale(node.output[0])
            assert scale is not None
            exact = source.exact[node.output[0]]
            integers = np.array([int(v / scale / exact.den) for v in exact.num.reshape(-1)]).reshape(exact.num.shape)
            found.append((float(scale), source.least(node), integers))
    return found


@pytest.mark.parametrize("form", ["integers", "counted from the least", "reals"])
def test_every_form_of_a_quantiser_is_exact(source: Source, form: str) -> None:
    values = []
    for scale, least, integers in reals(source):
        forms = {"integers": integers, "counted from the least": integers - least, "reals": integers * scale}
        values.append(forms[form].astype(np.float64))
    layers = beside(LAYERS, [*values, values[-1]], source)
    assert len(layers) == 5 and not any(layer.different for layer in layers)


def test_the_first_layer_that_leaves_is_named_with_its_step(source: Source) -> None:
    values = [integers.astype(np.float64) for _, _, integers in reals(source)]
    values[1][2, 3] += 2
    values[2][0, 0] -= 1
    layers = beside(LAYERS, [*values, values[-1]], source)
    assert [layer.different for layer in layers] == [0, 1, 1, 0, 0] and layers[1].worst == 2
    assert layers[1].first.startswith("sample 2, element 3")


def raw(shape: tuple[int, int], scale: object = 0.11, tail: str = "") -> Net:
    """A network that ends with a product, behind a quantiser of as many elements."""
    net, rng = Net([1, 4], name="x"), np.random.default_rng(0)
    x = net.quant("x", 0.1, 0.0, 4)
    y = net.op("MatMul", x, net.quant(rng.normal(0, 0.5, shape), scale, 0.0, 4, narrow=1))
    if tail:
        net.op(tail, y)
    return net


def of_net(net: Net, folder: Path) -> Source:
    graph = cleaned(net.save(folder), folder / "clean.onnx")
    x = np.random.default_rng(0).normal(0, 0.4, (5, 4)).astype(np.float32)
    return Source(graph, evaluate_exact(folder / "clean.onnx", {graph.input[0].name: x}, taps=True))


@pytest.mark.parametrize("form", ["integers", "reals"])
def test_an_output_without_a_quantiser_is_beside_its_own_product(form: str, tmp_path: Path) -> None:
    source = of_net(raw((4, 4)), tmp_path)
    exact, (entry,) = source.exact[source.output], reals(source)
    step = source.step(source.makers[source.output])
    assert step is not None
    real = np.array([float(v) / exact.den for v in exact.num.reshape(-1)]).reshape(exact.num.shape)
    values = [entry[2].astype(np.float64), np.rint(real / float(step)) if form == "integers" else real]
    layers = [{"name": "in", "op": "MultiThreshold"}, {"name": "out", "op": "output"}]
    found = beside(layers, values, source)
    assert [(layer.node, layer.different) for layer in found] == [
        (next(iter(n.name for n in source.by_name.values() if source.compared(n) and n.op_type == "Quant")), 0),
        (source.makers[source.output].name, 0),
    ]
    values[1] = values[1] + (1 if form == "integers" else float(step))
    assert beside(layers, values, source)[1].different == exact.num.size


SEVERAL = [0.11, 0.12, 0.13, 0.14]


@pytest.mark.parametrize(("scale", "tail"), [(SEVERAL, ""), (0.11, "Sigmoid")])
def test_an_output_without_integers_of_its_own_is_not_compared(scale: object, tail: str, tmp_path: Path) -> None:
    source = of_net(raw((4, 4), scale, tail), tmp_path)
    values = [reals(source)[0][2].astype(np.float64), np.zeros((5, 4))]
    found = beside([{"name": "in", "op": "MultiThreshold"}, {"name": "out", "op": "output"}], values, source)
    assert [layer.name for layer in found] == ["in"]


def test_a_build_whose_output_was_not_compared_is_not_called_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "intermediate_models").mkdir()
    (tmp_path / "intermediate_models" / "step_tidy_up.onnx").write_bytes(b"")
    model = raw((4, 4), SEVERAL).save(tmp_path)

    def traced(_: object, work: Path, *__: object) -> list[dict[str, object]]:
        x = np.load(work / "samples.npy")
        integers = np.clip(np.rint(x.astype(np.float64) / np.float32(0.1)), -8, 7)
        np.savez(work / "0.npz", integers, np.zeros((len(x), 4)))
        layers = [{"name": "in", "op": "MultiThreshold"}, {"name": "out", "op": "output"}]
        return [{"model": "step_tidy_up.onnx", "layers": layers, "why": ""}]

    monkeypatch.setattr("isobit.check.rivals.finn.run_script", traced)
    (step,) = check_finn(tmp_path, model)
    assert step.first is None and not step.output
    done = isobit("check-finn", tmp_path, model)
    assert done.status == 1 and "not all layers could be" in done.out


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script that runs in FINN's environment; what is tested of it needs qonnx alone."""
    monkeypatch.syspath_prepend(str(root() / "finn"))
    spec = importlib.util.spec_from_file_location("finn_trace", root() / "finn" / "trace.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def model_of(shape: tuple[int, ...], kind: str, **attributes: Any) -> Any:
    """A model of one operator behind an input of this shape."""
    from qonnx.core.modelwrapper import ModelWrapper

    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("x", "y")]
    node = onnx.helper.make_node(kind, ["x"], ["y"], **attributes)
    return ModelWrapper(onnx.helper.make_model(onnx.helper.make_graph([node], "g", value[:1], value[1:])))


CUBE = np.arange(27.0).reshape(3, 3, 3)


@pytest.mark.parametrize(
    ("kind", "attributes", "last"),
    [
        ("Conv", {}, False),
        ("Im2Col", {}, True),
        ("MaxPoolNHWC", {}, True),
        ("Transpose", {"perm": [0, 3, 1, 2]}, True),
        ("Transpose", {"perm": [0, 2, 3, 1]}, False),
        ("MultiThreshold", {"data_layout": "NHWC"}, True),
        ("FMPadding_hls", {"domain": "finn.custom_op.fpgadataflow.hls"}, True),
        ("Conv", {"domain": "qonnx.custom_op.channels_last"}, True),
    ],
)
def test_a_cube_is_laid_as_the_operators_behind_the_input_take_it(
    trace: Any, kind: str, attributes: dict[str, Any], last: bool
) -> None:
    found = trace.laid(CUBE, model_of((1, 3, 3, 3), kind, **attributes))
    assert np.array_equal(found[0], np.moveaxis(CUBE, 0, -1) if last else CUBE)


def test_a_cube_is_laid_as_the_model_notes_it_or_not_at_all(trace: Any) -> None:
    model = model_of((1, 3, 3, 3), "Identity")
    with pytest.raises(ValueError, match="nothing tells"):
        trace.laid(CUBE, model)
    for layout in (list("NHWC"), list("NCHW")):
        model.set_tensor_layout("x", layout)
        found = trace.laid(CUBE, model)
        assert np.array_equal(found[0], np.moveaxis(CUBE, 0, -1) if layout[-1] == "C" else CUBE)


@pytest.mark.parametrize(
    ("sample", "shape", "last"),
    [
        ((2, 5, 4), (1, 2, 5, 4), False),
        ((2, 5, 4), (1, 5, 4, 2), True),
        ((2, 5), (1, 5, 1, 2), True),
        ((2, 5), (1, 2, 5, 1), False),
        ((3, 1, 3), (1, 1, 3, 3), True),
        ((1, 3, 3), (1, 3, 3, 1), True),
        ((4,), (1, 4), False),
        ((2, 5, 4), (1, 40), None),
        ((2, 5, 4), (1, 4, 5, 2), None),
    ],
)
def test_shapes_tell_the_layout(trace: Any, sample: tuple[int, ...], shape: tuple[int, ...], last: bool | None) -> None:
    x = np.arange(float(np.prod(sample))).reshape(sample)
    if last is None:
        with pytest.raises(ValueError, match="samples of shape"):
            trace.laid(x, model_of(shape, "Identity"))
        return
    wanted = np.moveaxis(x, 0, -1) if last else x
    assert np.array_equal(trace.laid(x, model_of(shape, "Identity")), wanted.reshape(shape))


def test_what_is_no_build_of_finns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsobitError, match="E619"):
        check_finn(tmp_path, mlp().save(tmp_path))
    (tmp_path / "intermediate_models").mkdir()
    (tmp_path / "intermediate_models" / "step_tidy_up.onnx").write_bytes(b"")
    (tmp_path / "other.onnx").write_bytes(b"")
    done = isobit("check-finn", tmp_path)
    assert done.status == 2 and "2 ONNX files" in done.err


def test_what_is_no_number_is_no_integer() -> None:
    values, exact = np.array([[np.nan, 2.0], [np.inf, 5.0]]), [[Fraction(1), Fraction(2)], [Fraction(3), Fraction(4)]]
    different, worst, first = differences(values, exact, Fraction(1), Fraction(1), rounds=True)
    assert (different, worst) == (3, np.inf) and first == "sample 0, element 0: nan, exactly 1"


def test_a_build_of_which_nothing_was_compared_is_not_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "intermediate_models").mkdir()
    (tmp_path / "intermediate_models" / "step_tidy_up.onnx").write_bytes(b"")
    record = {"model": "step_tidy_up.onnx", "layers": [], "why": "ValueError: no shape"}
    monkeypatch.setattr("isobit.check.rivals.finn.run_script", lambda *_, **__: [record])
    with pytest.raises(IsobitError, match=r"E619.*no shape"):
        check_finn(tmp_path, mlp().save(tmp_path))


def test_products_with_thresholds_inside_give_integers(trace: Any) -> None:
    nodes = [
        onnx.helper.make_node(kind, ["x"], ["y"], **attributes)
        for kind, attributes in (
            ("MVAU_hls", {"noActivation": 0}), ("VVAU_rtl", {"noActivation": 1}), ("MVAU", {}), ("Thresholding", {}),
        )
    ]  # fmt: skip
    assert [trace.quantises(node) for node in nodes] == [True, False, True, True]


PLAIN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import check
work = Path(sys.argv[3]); check.prepare(work)
from finn.builder.build_dataflow_config import DataflowBuildConfig
from finn.builder.build_dataflow_steps import build_dataflow_step_lookup as steps
from qonnx.core.modelwrapper import ModelWrapper
config = DataflowBuildConfig(output_dir=str(work), synth_clk_period_ns=10.0, fpga_part="xc7z020clg400-1",
                             generate_outputs=[], standalone_thresholds=True)
model = ModelWrapper(sys.argv[2]); (work / "intermediate_models").mkdir()
for name in ("step_qonnx_to_finn", "step_tidy_up", "step_streamline", "step_convert_to_hw"):
    model = steps[name](model, config)
    model.save(str(work / "intermediate_models" / f"{name}.onnx"))
"""


@pytest.mark.slow
@pytest.mark.skipif(not environment.installed(), reason="finn-plus is not installed: isobit finn setup")
def test_finn_itself_is_followed_step_by_step(tmp_path: Path) -> None:
    model = mlp().save(tmp_path)
    work = tmp_path / "finn"
    work.mkdir()
    command = [str(environment.python()), "-c", PLAIN, str(root() / "finn"), str(model), str(work)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    steps = check_finn(work, model)
    assert [step.name for step in steps][-1] == "step_convert_to_hw" and all(len(step.layers) == 5 for step in steps)
    assert not any(step.first for step in steps)
