"""A plain hls4ml project beside the exact integers: the fault is where it was put, and nothing else is blamed."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.check.rivals.hls4ml import check_hls4ml
from isobit.check.rivals.hls4ml_run import read_project
from isobit.check.rivals.source import Source, cleaned, names_as_prepared
from isobit.errors import CheckFailed, IsobitError
from tests.cli.runner import isobit
from tests.onnx_builder import Net


def network(folder: Path) -> Path:
    """Scales that are powers of two: hls4ml has every integer of it exactly."""
    net, rng = Net([1, 6], name="x"), np.random.default_rng(3)
    x = net.quant("x", 0.25, 0.0, 4)
    w = net.quant(rng.normal(0, 0.5, (6, 5)), 0.25, 0.0, 3, narrow=1)
    x = net.quant(net.op("Relu", net.op("MatMul", x, w)), 0.5, 0.0, 4, signed=0)
    w = net.quant(rng.normal(0, 0.5, (5, 3)), 0.25, 0.0, 3, narrow=1)
    net.quant(net.op("MatMul", x, w), 0.5, 0.0, 6)
    return net.save(folder)


def written(model: Path, folder: Path, io_type: str) -> Path:
    """What hls4ml itself writes for the model, at a precision that holds it."""
    import hls4ml
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.util.cleanup import cleanup_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapper = cleanup_model(ModelWrapper(str(model)))
        if len(wrapper.get_tensor_shape(wrapper.graph.input[0].name)) > 2:
            wrapper = cleanup_model(wrapper.transform(ConvertToChannelsLastAndClean()))
        config: Any = hls4ml.utils.config.config_from_onnx_model(
            wrapper, granularity="name", backend="Vitis", default_precision="ap_fixed<32,16>"
        )
        hls4ml.converters.convert_from_onnx_model(
            wrapper, output_dir=str(folder), io_type=io_type, backend="Vitis", hls_config=config
        ).write()
    return folder


STREAM = """#pragma once
namespace hls {
template <class T> struct stream {
    bool empty() { return true; }
    T read() { return T(); }
    void write(T) {}
};
}
"""
NNET = """#pragma once
typedef double number;
namespace nnet {
template <class A, class B, int I, int O> void dense(A *x, B *y, const double *w) {
    for (int o = 0; o < O; o++) {
        y[o] = 0;
        for (int i = 0; i < I; i++)
            y[o] += x[i] * w[i * O + o];
    }
}
template <class A, class B, int N> void quant(A *x, B *y, double scale, double low, double high) {
    for (int i = 0; i < N; i++) {
        double v = __builtin_nearbyint(x[i] / scale);
        y[i] = scale * (v < low ? low : v > high ? high : v);
    }
}
}
void mini(number x[6], number layer5_out[3]);
"""
MAPS = """#pragma once
typedef double number;
namespace nnet {
template <class A, class B, int N, int C> void transpose(A *x, B *y) {
    for (int i = 0; i < N * C; i++)
        y[i] = x[i % C * N + i / C];
}
template <class A, class B, int S, int C, int O> void conv(A *x, B *y, const double *w) {
    for (int i = 0; i < (S - 1) * (S - 1) * O; i++) {
        int o = i % O, column = i / O % (S - 1), row = i / O / (S - 1);
        y[i] = 0;
        for (int k = 0; k < 4 * C; k++)
            y[i] += x[((row + k / C / 2) * S + column + k / C % 2) * C + k % C] * w[(o * C + k % C) * 4 + k / C];
    }
}
template <class A, class B, int N> void quant(A *x, B *y, double scale, double low, double high) {
    for (int i = 0; i < N; i++) {
        double v = __builtin_nearbyint(x[i] / scale);
        y[i] = scale * (v < low ? low : v > high ? high : v);
    }
}
}
void mini(number x[32], number layer5_out[SIZE]);
"""


def small_project(model: Path, folder: Path, wrong: float = 0.0, everywhere: bool = False) -> Path:
    """The same network in the form of a project of hls4ml's, on doubles; ``wrong`` is added to a weight of the second
    product."""
    import onnx
    from onnx import numpy_helper

    floats = [numpy_helper.to_array(t) for t in onnx.load(model).graph.initializer]
    first, second = (next(a for a in floats if a.shape == shape) for shape in ((6, 5), (5, 3)))
    rounded = [np.clip(np.round(w / 0.25), -3, 3) * 0.25 for w in (first, second)]
    rounded[1][0, 0] += wrong
    if everywhere:
        rounded[1] = rounded[1] + 109.5625
    w1, w2 = (", ".join(map(str, w.reshape(-1))) for w in rounded)
    lines = [
        "nnet::quant<number, number, 6>(x, layer1_out, 0.25, -8, 7); // Quant_0",
        "nnet::dense<number, number, 6, 5>(layer1_out, layer2_out, w1); // Dense_MatMul_0",
        "nnet::quant<number, number, 5>(layer2_out, layer3_out, 0.5, 0, 15); // Quant_3_act",
        "nnet::dense<number, number, 5, 3>(layer3_out, layer4_out, w2); // Dense_MatMul_1",
        "nnet::quant<number, number, 3>(layer4_out, layer5_out, 0.5, -32, 31); // Quant_4",
    ]
    sizes = {1: 6, 2: 5, 3: 5, 4: 3}
    declared = [f"number layer{n}_out[{size}];" for n, size in sizes.items()]
    body = "\n    ".join([*declared, *lines])
    text = f'#include "mini.h"\nstatic const double w1[] = {{{w1}}}, w2[] = {{{w2}}};\n\n'
    text += "void mini(\n    number x[6],\n    number layer5_out[3]\n) {\n    " + body + "\n}\n"
    for name, content in {"mini.cpp": text, "mini.h": NNET, "ap_types/hls_stream.h": STREAM}.items():
        path = folder / "firmware" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def map_network(folder: Path) -> Path:
    """A convolution between two quantisers."""
    net, rng = Net([1, 2, 4, 4], name="x"), np.random.default_rng(3)
    w = net.quant(rng.normal(0, 0.5, (3, 2, 2, 2)), 0.25, 0.0, 3, narrow=1)
    x = net.quant("x", 0.25, 0.0, 4)
    sides: dict[str, Any] = {
        "kernel_shape": [2, 2],
        "strides": [1, 1],
        "dilations": [1, 1],
        "pads": [0] * 4,
        "group": 1,
    }
    net.quant(net.op("Relu", net.op("Conv", x, w, **sides)), 0.5, 0.0, 4, signed=0)
    return net.save(folder)


def map_project(model: Path, folder: Path, wrong: float = 0.0, size: int = 27) -> Path:
    """The network in the form of a project of hls4ml's, channels last; ``wrong`` is added to a weight."""
    import onnx
    from onnx import numpy_helper

    weights = next(a for t in onnx.load(model).graph.initializer if (a := numpy_helper.to_array(t)).ndim == 4)
    rounded = np.clip(np.round(weights / 0.25), -3, 3) * 0.25
    rounded[1, 0, 0, 1] += wrong
    lines = [
        "nnet::transpose<number, number, 16, 2>(x, layer1_out); // Transpose_0",
        "nnet::quant<number, number, 32>(layer1_out, layer2_out, 0.25, -8, 7); // Quant_1_act",
        "nnet::conv<number, number, 4, 2, 3>(layer2_out, layer3_out, w1); // Conv2D_Conv_0",
        f"nnet::quant<number, number, {size}>(layer3_out, layer5_out, 0.5, 0, 15); // Relu_0",
    ]
    declared = [f"number layer{n}_out[{count}];" for n, count in ((1, 32), (2, 32), (3, 27))]
    text = f'#include "mini.h"\nstatic const double w1[] = {{{", ".join(map(str, rounded.reshape(-1)))}}};\n\n'
    body = "\n    ".join([*declared, *lines])
    text += f"void mini(\n    number x[32],\n    number layer5_out[{size}]\n) {{\n    {body}\n}}\n"
    header = MAPS.replace("SIZE", str(size))
    for name, content in {"mini.cpp": text, "mini.h": header, "ap_types/hls_stream.h": STREAM}.items():
        path = folder / "firmware" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def test_new_names_lead_to_the_nodes_that_had_others(tmp_path: Path) -> None:
    """With channels last qonnx numbers the nodes anew; every quantiser here has a scale of its own."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.util.cleanup import cleanup_model

    net = Net([1, 2, 8, 8], name="x")
    x = net.quant("x", 0.125, 0.0, 4)
    for scale, channels in ((0.25, 2), (0.375, 3)):
        w = net.quant(np.ones((3, channels, 3, 3)), scale, 0.0, 4, narrow=1)
        sides: dict[str, Any] = {"kernel_shape": [3, 3], "strides": [1, 1], "dilations": [1, 1], "pads": [0] * 4}
        x = net.quant(net.op("Conv", x, w, **sides), scale + 1, 0.0, 4)
    clean = tmp_path / "clean.onnx"
    source = Source(cleaned(net.save(tmp_path), clean), {})
    prepared = Source(cleanup_model(ModelWrapper(str(clean)).transform(ConvertToChannelsLastAndClean())).graph, {})
    *_, names = names_as_prepared(clean)
    scales = [source.scale(source.by_name[old].output[0]) for old in names.values()]
    assert scales == [prepared.scale(prepared.by_name[new].output[0]) for new in names]
    assert len({*scales, None}) == 6 and any(new != old for new, old in names.items())


def test_convolutions_are_found_layer_by_layer(tmp_path: Path) -> None:
    model, x = map_network(tmp_path), np.random.default_rng(0).normal(0, 1, (6, 2, 4, 4)).round(2).astype(np.float32)
    found = check_hls4ml(map_project(model, tmp_path / "right"), model, x)
    assert [(layer.name, layer.node, layer.different) for layer in found.layers] == [
        ("Quant_1_act", "Quant_1", 0), ("Conv2D_Conv_0", "Conv_0", 0), ("Relu_0", "Quant_2", 0),
    ]  # fmt: skip
    left = check_hls4ml(map_project(model, tmp_path / "wrong", 0.25), model, x).first
    assert left is not None and left.name == "Conv2D_Conv_0" and left.worst > 0


def test_a_layer_of_another_size_is_named(tmp_path: Path) -> None:
    model, x = map_network(tmp_path), np.random.default_rng(0).normal(0, 1, (6, 2, 4, 4)).round(2).astype(np.float32)
    project = map_project(model, tmp_path / "short", size=12)
    left = check_hls4ml(project, model, x).first
    assert left is not None and left.name == "Relu_0" and left.first == "12 elements a sample, exactly 27"
    done = isobit("check-hls4ml", project, model)
    assert done.status == 1 and "12 elements a sample" in done.out


def test_a_fault_is_located(tmp_path: Path) -> None:
    """Exact as it is; with one weight changed, the layer of that weight is the first to leave the integers."""
    model = network(tmp_path)
    x = np.random.default_rng(0).normal(0, 1, (6, 6)).round(2).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    right, wrong = small_project(model, tmp_path / "right"), small_project(model, tmp_path / "wrong", 0.25)
    found = check_hls4ml(right, model, x)
    assert [layer.different for layer in found.layers] == [0] * 5, found
    left = check_hls4ml(wrong, model, x).first
    assert left is not None and left.name == "Dense_MatMul_1" and left.worst > 0
    done = isobit("check-hls4ml", wrong, model, "--inputs", tmp_path / "x.npy")
    assert done.status == 1 and "are left at layer Dense_MatMul_1" in done.out.replace("\n", " ")


def test_a_product_that_is_wrong_throughout_is_not_called_exact(tmp_path: Path) -> None:
    model = network(tmp_path)
    x = np.abs(np.random.default_rng(0).normal(2, 1, (6, 6))).round(2).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    wrong = small_project(model, tmp_path / "wrong", everywhere=True)
    path = wrong / "firmware" / "mini.cpp"
    text = path.read_text(encoding="utf-8").replace("// Quant_4", "// other")
    path.write_text(text, encoding="utf-8")  # nothing behind the product is compared
    found = check_hls4ml(wrong, model, x)
    assert found.first is None and found.apart == ("Dense_MatMul_1",)
    done = isobit("check-hls4ml", wrong, model, "--inputs", tmp_path / "x.npy")
    assert done.status == 1 and "every integer is exact" not in done.out and "Dense_MatMul_1" in done.out


def test_a_layer_that_is_never_called_is_refused(tmp_path: Path) -> None:
    model = network(tmp_path)
    path = small_project(model, tmp_path / "project") / "firmware" / "mini.cpp"
    lines = path.read_text(encoding="utf-8").splitlines()
    text = "\n".join(f"#if 0\n{line}\n#endif" if line.endswith("// Quant_4") else line for line in lines)
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(CheckFailed, match=r"E606.*Quant_4 gave 0 values"):
        check_hls4ml(tmp_path / "project", model, np.zeros((2, 6), np.float32))


def test_samples_and_models_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    model = network(tmp_path)
    folder = small_project(model, tmp_path / "project")
    with pytest.raises(IsobitError, match="E607"):
        check_hls4ml(folder, model, np.zeros((3, 5), np.float32))
    with pytest.raises(IsobitError, match="E1"):
        check_hls4ml(folder, tmp_path / "missing.onnx", np.zeros((3, 6), np.float32))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("hls4ml")
    model = network(folder)
    return model, written(model, folder / "project", "io_parallel")


def test_layers_are_read_in_order(project: tuple[Path, Path]) -> None:
    found = read_project(project[1])
    products = [name for name in found.layers if "MatMul" in name]
    assert found.top == "myproject" and found.entry.size == "6" and len(products) == 2
    assert found.text.count("isobit_taps::tap(") == len(found.layers)


@pytest.mark.slow
def test_a_fault_in_a_real_project_is_located(project: tuple[Path, Path], tmp_path: Path) -> None:
    """The same with what hls4ml itself writes."""
    import shutil

    model, folder = project
    x = np.random.default_rng(0).normal(0, 1, (6, 6)).round(2).astype(np.float32)
    right = check_hls4ml(folder, model, x)
    assert right.first is None and len(right.layers) >= 4, right
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    second = [name for name in read_project(copy).layers if "MatMul" in name][1]
    call = next(line for line in read_project(copy).text.splitlines() if line.strip().endswith(f"// {second}"))
    weights = re.search(r", (w\d+), b\d+\)", call)
    assert weights is not None
    path = copy / "firmware" / "weights" / f"{weights[1]}.txt"
    first, *rest = path.read_text(encoding="utf-8").split(",")
    path.write_text(",".join(["-0.25" if float(first) >= 0 else "0.25", *rest]), encoding="utf-8")
    wrong = check_hls4ml(copy, model, x)
    assert wrong.first is not None and wrong.first.name == second and wrong.first.worst > 0


@pytest.mark.slow
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_convolutions_of_a_real_project(io_type: str, tmp_path: Path) -> None:
    """Exact where hls4ml is; its global pool behind a transpose, which takes the channels for columns, is named."""
    net, rng = Net([1, 2, 6, 6], name="x"), np.random.default_rng(1)

    def conv(source: str, shape: tuple[int, ...], group: int = 1) -> str:
        w = net.quant(rng.normal(0, 0.5, shape), 0.125, 0.0, 4, narrow=1)
        sides: dict[str, Any] = {"kernel_shape": [3, 3], "strides": [1, 1], "dilations": [1, 1], "pads": [1] * 4}
        return net.op("Conv", source, w, group=group, **sides)

    x = net.quant("x", 0.125, 0.0, 4)
    x = net.quant(net.op("Relu", conv(x, (4, 2, 3, 3))), 0.25, 0.0, 4, signed=0)
    y = net.quant(conv(x, (4, 4, 3, 3)), 0.25, 0.0, 4)
    x = net.quant(net.op("Relu", net.op("Add", x, y)), 0.5, 0.0, 4, signed=0)
    x = net.quant(net.op("Relu", conv(x, (4, 1, 3, 3), group=4)), 0.5, 0.0, 4, signed=0)
    net.quant(net.op("GlobalAveragePool", x), 0.25, 0.0, 8)
    model = net.save(tmp_path)
    found = check_hls4ml(written(model, tmp_path / "project", io_type), model)
    assert found.first is not None and found.first.name == "GlobalAveragePool_0"
    right = found.layers[: found.layers.index(found.first)]
    assert len(right) == 8 and not found.apart


@pytest.mark.slow
def test_streams_are_tapped_too(tmp_path: Path) -> None:
    model = network(tmp_path)
    folder = written(model, tmp_path / "project", "io_stream")
    x = np.random.default_rng(0).normal(0, 1, (6, 6)).round(2).astype(np.float32)
    assert check_hls4ml(folder, model, x).first is None


def test_a_project_of_another_network_is_refused(tmp_path: Path) -> None:
    """Its samples are of another size: its C++ would read beyond them."""
    net = Net([1, 7], name="x")
    net.op("Relu", net.quant("x", 0.25, 0.0, 4))
    folder = small_project(network(tmp_path), tmp_path / "project")
    done = isobit("check-hls4ml", folder, net.save(tmp_path))
    assert done.status == 2 and "E619" in done.err and "another size" in done.err


def test_an_input_without_a_quantiser_has_the_type_that_is_said(tmp_path: Path) -> None:
    folder = small_project(network(tmp_path), tmp_path / "project")
    net, rng = Net([1, 6], name="x"), np.random.default_rng(3)
    x = net.op("MatMul", "x", net.quant(rng.normal(0, 0.5, (6, 5)), 0.25, 0.0, 3, narrow=1))
    net.quant(net.op("Relu", x), 0.5, 0.0, 4, signed=0)
    model = net.save(tmp_path)
    assert "E209" in isobit("check-hls4ml", folder, model).err
    done = isobit("check-hls4ml", folder, model, "--input-type", "INT4", "--input-scale", "1/4")
    assert "Dense_MatMul_0 (MatMul_0): 320 of 320 integers exact" in done.out


@pytest.mark.slow
def test_a_streaming_project_of_another_network_is_refused(tmp_path: Path) -> None:
    folder = written(network(tmp_path), tmp_path / "project", "io_stream")
    for size in (3, 7, 12):
        net = Net([1, size], name="x")
        net.op("Relu", net.quant("x", 0.25, 0.0, 4))
        with pytest.raises(IsobitError, match=r"E619.*another size"):
            check_hls4ml(folder, net.save(tmp_path))


def test_another_folder_is_refused(tmp_path: Path) -> None:
    model = network(tmp_path)
    for other, why in ((tmp_path / "none", "no such folder"), (model, "it is a file")):
        with pytest.raises(IsobitError, match=rf"E619.*{why}"):
            check_hls4ml(other, model)
    with pytest.raises(IsobitError, match="E619"):
        check_hls4ml(tmp_path, model)
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "top.cpp").write_text("void top(int a) {\n}\n", encoding="utf-8")
    with pytest.raises(IsobitError, match="E619"):
        check_hls4ml(tmp_path, model)
