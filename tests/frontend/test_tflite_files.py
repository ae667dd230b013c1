"""TFLite files that cannot be taken: a coded, located refusal each, whatever their bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.flow import import_source
from isobit.frontend.tflite.file import load_tflite
from isobit.frontend.tflite.importer import import_tflite
from tests.models.tflite_nets import NETS
from tests.tflite_builder import TfliteNet


def refusal(path: Path, load: Callable[[Path], Any] = import_tflite) -> IsobitError:
    with pytest.raises(IsobitError) as refused:
        load(path)
    return refused.value


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes of the structure changed: those beside zeros, which weights seldom are."""
    places = [i for i in range(len(data)) if data[max(0, i - 4) : i + 4].count(0) >= 3]
    made = bytearray(data)
    for at in rng.choice(places, rng.integers(1, 4)):
        made[at] = rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))])
    return bytes(made)


@pytest.mark.parametrize("name", NETS)
def test_damaged_files_are_refused_or_read(name: str, tmp_path: Path) -> None:
    path, rng = NETS[name]("int8").save(tmp_path / "model.tflite"), np.random.default_rng(4)
    data, codes = path.read_bytes(), Counter[str]()
    for _ in range(150):
        path.write_bytes(damaged(data, rng))
        try:
            import_tflite(path)
        except IsobitError as error:
            codes[error.code] += 1
            continue
        codes["read"] += 1
    assert codes["read"] and codes["E102"] and len(codes) > 5


def test_cut_files_are_refused(tmp_path: Path) -> None:
    path = NETS["residual"]("int8").save(tmp_path / "model.tflite")
    data = path.read_bytes()
    for length in {*range(0, 64, 4), *range(64, len(data) - 64, len(data) // 90)}:
        path.write_bytes(data[:length])
        assert refusal(path).code in ("E102", "E103", "E202")


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x00" * 40, b"\x08\x00\x00\x00TFL3" + b"\xff" * 60])
def test_what_is_no_tflite_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    assert refusal(path).code == "E102"


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.tflite").code == "E101"
    with pytest.raises(IsobitError) as refused:
        import_source(tmp_path / "no.tflite")
    assert refused.value.code == "E101"


def test_the_format_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = NETS["upsampled"]("uint8").save(tmp_path / "model.bin")
    assert import_source(path).digest == import_tflite(path).digest


def _net(op: str = "RELU", **more: Any) -> TfliteNet:
    net = TfliteNet()
    net.op(op, [net.input((1, 4), 0.1, 3)], (1, 4), 0.1, 3, **more)
    return net


def _dense(**weights: Any) -> TfliteNet:
    net = TfliteNet()
    scale = weights.pop("scale", 0.1)
    w = net.const(weights.pop("data", np.ones((2, 4))), scale, **weights)
    net.op("FULLY_CONNECTED", [net.input((1, 4), 0.1, 3), w, -1], (1, 2), 0.1, 3)
    return net


def _conv(**options: Any) -> TfliteNet:
    net = TfliteNet()
    w = net.const(np.ones((2, 3, 3, 3)), 0.1)
    given = {"padding": 1, "stride_h": 1, "stride_w": 1} | options
    net.op("CONV_2D", [net.input((1, 5, 5, 3), 0.1), w, net.integers([0, 0], 0.01)], (1, 3, 3, 2), 0.1, **given)
    return net


def _shaped(shape: tuple[int, ...], made: tuple[int, ...]) -> TfliteNet:
    net = TfliteNet()
    net.op("RELU", [net.input(shape, 0.1)], made, 0.1)
    return net


def _behind_softmax() -> TfliteNet:
    net = _net("LOG_SOFTMAX")
    net.op("RELU", [1], (1, 4), 0.1)
    return net


def _out_of_order() -> TfliteNet:
    net = _net()
    net.op("RELU", [1], (1, 4), 0.1)
    net.operators.reverse()
    return net


def _float_model() -> TfliteNet:
    net = TfliteNet("float32")
    net.op("FULLY_CONNECTED", [net.input((1, 4)), net.const(np.ones((2, 4))), -1], (1, 2))
    return net


def _weights(dtype: str) -> TfliteNet:
    net = TfliteNet("float32")
    weights = net.const(np.ones((2, 4)), () if dtype == "float16" else 0.1, dtype=dtype)
    read = net.op("DEQUANTIZE", [weights], (2, 4)) if dtype == "float16" else weights
    net.op("FULLY_CONNECTED", [net.input((1, 4)), read, -1], (1, 2))
    return net


def _huge() -> TfliteNet:
    net = TfliteNet()
    x, w = net.input((1, 4), 0.1), net.const(np.full((1, 4), 127), 0.1)
    bias = net.integers([2**31 - 1], 0.01)
    net.op("FULLY_CONNECTED", [x, w, bias], (1, 1), 1e6)
    return net


def _enlarged(op: str, wanted: list[int]) -> TfliteNet:
    net = TfliteNet()
    x = net.input((1, 2, 3, 1), 0.1, 3)
    net.op(op, [x, net.integers(wanted)], (1, 4, 6, 1), 0.1, 3)
    return net


def _any_batch(wide: bool = False) -> TfliteNet:
    """Rows of a sequence moved onto the batch, by a shape that is computed; a file says 1 where it does not know."""
    net, dtype = TfliteNet(), "int16" if wide else "int8"
    x = net.input((1, 6, 4), 0.1, dtype=dtype)
    rows = net.op("GATHER", [net.op("SHAPE", [x], (3,), dtype="int32"), net.integers([1, 2])], (2,), dtype="int32")
    net.op("RESHAPE", [x, rows], (1, 1), 0.1, dtype=dtype)
    return net


BAD: dict[str, tuple[str, str, Callable[[], TfliteNet]]] = {
    "a custom operator": ("E201", "custom operator", lambda: _net("CUSTOM")),
    "an operator that is not there": ("E201", "CUMSUM", lambda: _net("CUMSUM")),
    "behind a logarithm of a softmax": ("E202", "a logarithm in fixed point", _behind_softmax),
    "a fused activation of floats": ("E202", "activation 4", lambda: _conv(fused_activation_function=4)),
    "a stride of zero": ("E202", "stride_h 0", lambda: _conv(stride_h=0)),
    "a float model": ("E203", "nothing in this model is quantised", _float_model),
    "weights of 8 bits alone": ("E203", "only the weights are quantised (dynamic range)", lambda: _weights("int8")),
    "weights of half precision": ("E108", "half precision", lambda: _weights("float16")),
    "a recurrent layer": ("E201", "keeps a state from step to step", lambda: _net("UNIDIRECTIONAL_SEQUENCE_LSTM")),
    "float weights": ("E203", "weights of type float32", lambda: _dense(dtype="float32", scale=())),
    "a scale of zero": ("E204", "scale of 0.0", lambda: _dense(scale=0.0)),
    "a scale that is no number": ("E204", "scale of nan", lambda: _dense(scale=float("nan"))),
    "scales along no axis": ("E204", "3 weight scales", lambda: _dense(scale=[1.0, 2.0, 3.0])),
    "scales along the inputs": ("E204", "axis 1", lambda: _dense(scale=[1.0, 2.0, 3.0, 4.0], axis=1)),
    "sums beyond 32 bits": ("E205", "beyond 32 bits", _huge),
    "two samples at once": ("E106", "batch of 1", lambda: _shaped((2, 4), (2, 4))),
    "another shape than it makes": ("E106", "declares", lambda: _shaped((1, 4), (1, 5))),
    "weights that do not fit": ("E106", "do not fit", lambda: _dense(data=np.ones((2, 5)))),
    "an image too small": ("E106", "a window of", lambda: _conv(dilation_h_factor=4)),
    "a size that its tensor has not": ("E106", "declares", lambda: _enlarged("RESIZE_BILINEAR", [1 << 30, 1 << 30])),
    "a nearest size that its tensor has not": (
        "E106",
        "declares",
        lambda: _enlarged("RESIZE_NEAREST_NEIGHBOR", [1 << 30, 6]),
    ),
    "more tiles than its tensor has": ("E106", "declares", lambda: _enlarged("TILE", [1, 1 << 30, 1 << 30, 1])),
    "a border wider than its image": (
        "E106",
        "paddings",
        lambda: _enlarged("MIRROR_PAD", [[0, 0], [2, 0], [3, 0], [0, 0]]),
    ),
    "places beyond the axis": ("E106", "places beyond", lambda: _enlarged("GATHER", [5])),
    "a shape that the file computes": ("E106", "keras.Input(shape, batch_size=1)", _any_batch),
    "the same of 16 bits": ("E106", "keras.Input(shape, batch_size=1)", lambda: _any_batch(wide=True)),
    "samples made of an image": ("E201", "keras.Input(shape, batch_size=1)", lambda: _net("SPACE_TO_BATCH_ND")),
    "operators out of order": ("E104", "before it is made", _out_of_order),
}


@pytest.mark.parametrize("name", BAD)
def test_networks_that_are_refused(name: str, tmp_path: Path) -> None:
    code, words, make = BAD[name]
    error = refusal(make().save(tmp_path / "model.tflite"))
    assert (error.code, words in str(error)) == (code, True), str(error)
    assert error.where


def test_hostile_names_are_shown_harmlessly(tmp_path: Path) -> None:
    net = TfliteNet()
    x = net.input((1, 4), 0.1, name='"); system("true"); //\n\x1b[31m')
    net.op("RELU", [x], (1, 4), 0.1)
    graph = import_tflite(net.save(tmp_path / "model.tflite"))
    assert all(node.name.isidentifier() and "\x1b" not in "".join(node.source) for node in graph.nodes)


def test_four_bit_weights(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(-8, 8, (3, 5))
    net = TfliteNet()
    w = net.const(data, 0.1, dtype="int4")
    net.op("FULLY_CONNECTED", [net.input((1, 5), 0.1), w, -1], (1, 3), 0.1)
    assert np.array_equal(load_tflite(net.save(tmp_path / "model.tflite")).tensors[w].data, data)
