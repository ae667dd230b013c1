"""QONNX's channels-last operators: read, run by qonnx, and exact through the whole flow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

import isobit
from tests.onnx_builder import Net, save

DOMAIN = "qonnx.custom_op.channels_last"


def channels_last_model(folder: Path) -> Path:
    """A depthwise and a pointwise convolution on an NHWC image, each behind quantisers."""
    rng = np.random.default_rng(2)
    net = Net([1, 6, 5, 3])
    attrs = {"dilations": [1, 1], "strides": [1, 1]}
    x = net.quant("x", 0.25, 0.0, 4)
    w1 = net.quant(rng.normal(size=(3, 3, 3, 1)), 0.2, 0.0, 4, narrow=1)
    y = net.op("Conv", x, w1, domain=DOMAIN, group=3, kernel_shape=[3, 3], pads=[1, 1, 1, 1], **attrs)
    y = net.quant(y, 0.3, 0.0, 4)
    w2 = net.quant(rng.normal(size=(4, 1, 1, 3)), 0.2, 0.0, 4, narrow=1)
    y = net.op("Conv", y, w2, domain=DOMAIN, group=1, kernel_shape=[1, 1], pads=[0, 0, 0, 0], **attrs)
    net.quant(y, 0.7, 0.0, 5)
    model = net.model()
    model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    image, out = [1, 6, 5, 3], [1, 6, 5, 4]
    shapes = (image, [3, 3, 3, 1], image, image, [4, 1, 1, 3], out, out)
    infos = [
        helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, shape)
        for node, shape in zip(model.graph.node, shapes, strict=True)
    ]
    model.graph.value_info.extend(infos[:-1])
    model.graph.output[0].CopyFrom(infos[-1])
    return save(model, folder)


def test_exact_from_file_to_cpp(tmp_path: Path) -> None:
    build = isobit.compile(channels_last_model(tmp_path), tmp_path / "build")
    assert build.graph.inputs[0].shape == (6, 5, 3)
    result = isobit.csim(build, vectors=20)
    assert result.equal and result.source is not None and not result.source.note
    assert result.source.float_integers > 0 and result.source.exact_outputs == 20 * 120
