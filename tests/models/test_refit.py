"""Rung 2: refitted networks keep to k-bit multiplicands without any error, and every contract holds for them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from models.brevitas_conv_nets import FAST_CASES as CONVOLUTIONAL
from models.brevitas_conv_nets import ConvNet
from models.brevitas_nets import FAST_CASES as DENSE

import isobit
from isobit import demo
from isobit.check.proofs.verify import verify_build
from isobit.frontend.brevitas import export_module
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.qonnx.importer import import_onnx
from isobit.interp import dequantise, quantise, run
from isobit.ir.ops import Const, Linear, Step
from isobit.numerics import MultiplyShift, NoMultiplyShift, least_multiply_shift, shared_round_shift
from isobit.passes import FOLDING, optimise
from isobit.passes.budget import shown
from isobit.passes.shrink import ShrinkMultiplicands
from isobit.refitting.model import refit_file, refit_model
from isobit.report.rescale import rescale_lines
from isobit.rescale import RescaleRequest
from tests.onnx_builder import Net, mlp, save

NETS = {net.name: net for net in (*DENSE, *CONVOLUTIONAL)}
REFITTED = (
    "small_w4a4", "small_w8a8_pow2_tensor", "small_ternary_a3", "small_w3a5_shifted", "small_w5a4_float_bias",
    "small_w4a6_int_bias", "small_w4a4_hardtanh", "small_w4a5_clip",
)  # fmt: skip
SLOWER = ("tiny_cnv_w2a2", "tiny_resnet8_w4a4", "tiny_lenet_w5a5", "tiny_unet_w5a5", "tiny_mobilenet_v2_w7a7")
WIDTHS = [
    *((name, bits) for name in REFITTED for bits in (8, 4, 2)),
    ("tiny_resnet8_w4a4", 4),
    *(pytest.param(name, bits, marks=pytest.mark.slow) for name in SLOWER for bits in (8, 2)),
]
_files: dict[str, bytes] = {}


def exported(name: str, folder: Path) -> Path:
    """The network's QONNX file; each is exported once."""
    path = folder / "net.onnx"
    if name not in _files:
        net = NETS[name]
        shape = net.input_shape if isinstance(net, ConvNet) else net.sizes[:1]
        _files[name] = export_module(net.build(), shape, path).read_bytes()
    path.write_bytes(_files[name])
    return path


@pytest.mark.parametrize(("name", "bits"), WIDTHS)
def test_every_requantizer_has_short_multiplicands(name: str, bits: int, tmp_path: Path) -> None:
    """Proven by the lossless search on the refitted file. A multiplier of ``2**bits`` or more, which tiny networks
    have, would need a shift to the left: such a channel has the shift 0."""
    path, report = refit_file(exported(name, tmp_path), tmp_path / "refit.onnx", bits)
    assert report.left == ()
    graph = optimise(import_onnx(path), FOLDING)
    found = 0
    for node in graph.nodes:
        if isinstance(node, Step) and isinstance(graph.by_name[node.inputs[0]], Linear):
            for curve, lo, hi in node.curves.reached(graph.types[node.inputs[0]]):
                made = least_multiply_shift(curve, lo, hi, graph.types[node.name].bounds)
                if isinstance(made, NoMultiplyShift):  # a sum pool: a power of two that reaches halves
                    dyadic = shared_round_shift([curve], [lo], [hi], graph.types[node.name].bounds)
                    assert dyadic is not None, made
                    assert dyadic.m == (1,)
                    continue
                assert made.m < 1 << bits or made.k == 0
                found += made.k > 0
    assert found > 3


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("small_w4a4", 4),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("small_w4a6_int_bias", 8), ("tiny_lenet_w5a5", 4))),
        ("tiny_resnet8_w4a4", 4),  # the mean before its classifier needs four, which no weight can change
    ],
)
def test_a_refitted_network_is_exact_in_hardware(name: str, bits: int, tmp_path: Path) -> None:
    source = exported(name, tmp_path)
    before = source.read_bytes()
    build = isobit.compile(source, tmp_path / "build", rescale_bits=bits, refit=True, board="zcu104")
    assert source.read_bytes() == before, "the user's file stays"
    found = verify_build(build.path)
    assert found.holds
    built = {name: layer.implementation for name, layer in build.manifest.project.layers.items()}
    widths = [s.bits for s in found.steps if built[s.step] == "multiply_shift"]
    assert widths
    assert max(widths) <= bits
    result = isobit.csim(build, vectors=32)
    assert result.equal, result
    assert result.source is not None
    assert (result.source.exact_mismatches, result.source.note) == (0, "")
    assert result.source.exact_outputs > 0


def test_eight_bits_hardly_move_a_network(tmp_path: Path) -> None:
    """The demo network: real weights, real data; the classes stay."""
    build = isobit.compile(demo.MODEL, tmp_path / "build", rescale_bits=8, refit=True)
    samples = np.load(demo.SAMPLES)
    (entry,), (exit_,) = build.graph.inputs, build.graph.outputs
    scores = dequantise(exit_, run(build.graph, {entry.name: quantise(entry, samples["x"])})[exit_.name])
    assert (scores.argmax(axis=1) == samples["y"]).mean() > 0.98
    refit = build.manifest.source.refit
    assert refit is not None and len(refit.layers) == 3
    assert all(m.changed < m.weights / 50 and m.mean < 0.05 for m in refit.layers)


def test_with_many_bits_the_integer_weights_stay(tmp_path: Path) -> None:
    """The factors commute: what is left at 20 bits is the same network."""
    source = exported("small_w4a6_int_bias", tmp_path)
    path, _ = refit_file(source, tmp_path / "refit.onnx", 20)
    first, second = (
        [n.value for n in import_onnx(p).nodes if isinstance(n, Const) and n.value.ndim == 2] for p in (source, path)
    )
    for old, new in zip(first, second, strict=True):
        assert np.array_equal(np.abs(old), np.abs(new))


def test_a_declared_input_needs_no_quantiser(tmp_path: Path) -> None:
    """1/255 is no float32; the first layer's scales take the 255."""
    rng = np.random.default_rng(3)
    net = Net([1, 6])
    hidden = net.quant(net.op("Relu", net.op("MatMul", "x", net.quant(rng.normal(size=(6, 5)), 0.1))), 0.037, signed=0)
    net.op("MatMul", hidden, net.quant(rng.normal(size=(5, 3)), 0.11))
    path = net.save(tmp_path)
    kind: Any = {"input_type": "UINT8", "input_scale": "1/255"}
    build = isobit.compile(path, tmp_path / "build", rescale_bits=3, refit=True, **kind)
    assert build.manifest.source.refit is not None and build.manifest.source.refit.left == ()
    assert isobit.csim(build, vectors=20).equal


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize(("side", "pool"), [(7, "global"), (6, "window")])
def test_an_average_over_no_power_of_two_is_absorbed(side: int, pool: str, bits: int, tmp_path: Path) -> None:
    """Convolution, average over 49 or 9 pixels, dense layer, each with a quantiser behind it; at 8 bits another layer
    follows, as a float32 has no room for the output's scale as well."""
    rng = np.random.default_rng(bits + side)
    net = Net([1, 3, side, side])
    x = net.op("Conv", net.quant("x", 0.037), net.quant(rng.normal(size=(5, 3, 1, 1)), 0.011))
    x = net.quant(net.op("Relu", x), 0.0213, signed=0)
    x = net.op("GlobalAveragePool", x) if pool == "global" else net.op("AveragePool", x, kernel_shape=[3, 3])
    x = net.op("Flatten", net.quant(x, 0.0171, signed=0))
    features = 5 if pool == "global" else 5 * (side - 2) ** 2
    x = net.quant(net.op("MatMul", x, net.quant(rng.normal(size=(features, 6)), 0.013)), 0.21)
    if bits > 4:
        net.op("MatMul", x, net.quant(rng.normal(size=(6, 2)), 0.1))
    build = isobit.compile(net.save(tmp_path), tmp_path / "build", rescale_bits=bits, refit=True, board="zcu104")
    refit = build.manifest.source.refit
    assert refit is not None and refit.left == ()
    behind = next(s for s in refit.scales if s.name == "Quant_6")
    assert 0.93 < behind.ratio < 1.07
    found = verify_build(build.path)
    assert found.holds
    assert len(found.steps) == 3
    assert all(0 < s.bits <= bits for s in found.steps)
    result = isobit.csim(build, vectors=40)
    assert result.equal
    assert result.source is not None
    assert (result.source.exact_mismatches, result.source.note) == (0, "")


def test_the_refitted_model_is_to_be_had(tmp_path: Path) -> None:
    source = save(mlp(np.random.default_rng(0), [5, 4, 3], scales=[0.1, 0.2, 0.3, 0.2, 0.3]).model(), tmp_path)
    first, second = isobit.refit(source, 4), isobit.refit(onnx.load(str(source)), 4)
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)
    (tmp_path / "again.onnx").write_bytes(first.SerializeToString())
    assert len(load_onnx(tmp_path / "again.onnx").outputs) == 1


def test_a_shape_that_the_file_contradicts_is_refused(tmp_path: Path) -> None:
    source = save(mlp(np.random.default_rng(0), [5, 4, 3], scales=[0.1, 0.2, 0.3, 0.2, 0.3]).model(), tmp_path)
    assert isobit.refit(source, 4, input_shape=(5,)) == isobit.refit(source, 4)
    with pytest.raises(isobit.IsobitError) as error:
        isobit.refit(source, 4, input_shape=(6,))
    assert error.value.code == "E106"


def test_what_cannot_be_refitted_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    net = Net([1, 4])
    x = net.quant("x", 0.1)
    y = net.quant(net.op("Sigmoid", net.op("MatMul", x, net.quant(rng.normal(size=(4, 4)), 0.1))), 0.013, signed=0)
    net.quant(net.op("Relu", net.op("MatMul", y, net.quant(rng.normal(size=(4, 2)), 0.1))), 0.1, signed=0)
    with pytest.raises(isobit.IsobitError) as error:
        refit_model(load_onnx(net.save(tmp_path)), 4)
    assert error.value.code == "E804"
    assert "Sigmoid" in error.value.message
    with pytest.raises(isobit.IsobitError) as wide:
        refit_model(load_onnx(tmp_path / "model.onnx"), 30)
    assert wide.value.code == "E804"


def test_too_short_multiplicands_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(isobit.IsobitError) as error:
        isobit.compile(demo.MODEL, tmp_path / "build", rescale_bits=8)
    assert error.value.code == "E801"
    assert "n_9_Quant needs 14" in error.value.message
    assert not (tmp_path / "build").exists()
    build = isobit.compile(demo.MODEL, tmp_path / "build", rescale_bits=14)
    assert {s.bits for s in verify_build(build.path).steps} <= set(range(15))


def test_a_budgeted_build_keeps_both_graphs(tmp_path: Path) -> None:
    build = isobit.compile(demo.MODEL, tmp_path / "build", rescale_bits=10, budget="5%")
    assert build.reference.digest != build.graph.digest
    assert build.reference.digest == isobit.compile(demo.MODEL, tmp_path / "exact").graph.digest
    found = verify_build(build.path)
    assert found.holds
    counted = {e.step: e.wrong for e in build.manifest.budget}
    assert {s.step: s.wrong for s in found.steps if s.wrong} == counted  # thresholds have no multiplicand to shorten
    assert sum(counted.values()) > 0
    result = isobit.csim(build, vectors=64)
    assert result.equal
    assert isobit.load(build.path).reference.digest == build.reference.digest


def test_given_inputs_join_the_budget(tmp_path: Path) -> None:
    samples = np.load(demo.SAMPLES)["x"][:50]
    build = isobit.compile(demo.MODEL, tmp_path / "build", rescale_bits=10, budget="5%", inputs=samples)
    assert [e.seen for e in build.manifest.budget] == [50 * 64, 50 * 32, 50 * 10]
    assert all(e.seen_wrong <= e.seen / 20 for e in build.manifest.budget)
    printed = " ".join(" ".join(str(line).split()) for line in rescale_lines(build))
    last = build.manifest.budget[-1]
    assert f"{last.seen_wrong} of 500 accumulators of the given inputs, " in printed
    assert f"{shown(last.shares[0])} of a channel's at most;" in printed
    assert last.shares[1] >= Fraction(last.seen_wrong, 500)
    with pytest.raises(isobit.IsobitError) as error:
        isobit.compile(demo.MODEL, tmp_path / "none", inputs=samples)
    assert error.value.code == "E803"


@pytest.mark.parametrize("options", [{"refit": True}, {"bits": 40}, {"bits": 0}])
def test_requests_without_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(isobit.IsobitError) as error:
        RescaleRequest(**options)
    assert error.value.code == "E803"


@pytest.mark.parametrize(("largest_bias", "seed"), [(20, 3), (24, 0)])
def test_no_tie_beside_a_large_bias(largest_bias: int, seed: int, tmp_path: Path) -> None:
    """Where float32 has no bit left for a quarter of a step beside the bias, the bias moves by half a step."""
    rng, net = np.random.default_rng(seed), Net([1, 24])
    x = net.quant("x", 1 / 64)
    w1 = net.quant(rng.normal(0, 1, (24, 6)), np.float32(0.031), narrow=1)
    bias = rng.uniform(-largest_bias, largest_bias, 6).astype(np.float32)
    y = net.quant(net.op("Relu", net.op("Add", net.op("MatMul", x, w1), bias)), np.float32(0.11), signed=0)
    net.quant(net.op("MatMul", y, net.quant(rng.normal(0, 1, (6, 4)), np.float32(0.023), narrow=1)), np.float32(0.31))
    path, _ = refit_file(net.save(tmp_path), tmp_path / "refit.onnx", 8)
    graph = optimise(import_onnx(path), (*FOLDING, ShrinkMultiplicands(8)))
    curves = [c for n in graph.nodes if isinstance(n, Step) for c in n.curves]
    assert [c for c in curves if not isinstance(c, MultiplyShift) or c.m >= 1 << 8] == []
