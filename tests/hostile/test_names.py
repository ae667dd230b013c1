"""Tensors and operators named like what the generated C++ itself needs: the build works and is exact all the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

import isobit
from isobit.check.csim.bounded import bounded_csim
from tests.onnx_builder import Net

PORTS = {
    "types of ports": ("x_beat", "beat_x", "in_x", "x", "x_beat_beat", "x_weights", "in_x_beat", "beat_in_x"),
    "prefixes and suffixes": ("s_x", "x_stream", "cfg_x", "x", "x_window", "x_weights", "in_x", "read_x", "x_1a"),
    "namespaces and types": ("top", "std", "hls", "isobit", "sim", "ap_int", "ap_uint", "ap_axiu", "stream", "port"),
    "functions and variables": (
        "main", "isobit_top", "config", "block", "frame_end", "frames", "batch", "keep", "status", "fail",
    ),
    "keywords and macros": ("int", "class", "template", "NULL", "EOF", "stdin", "_", "__x", "1x", "ISOBIT_TAP"),
    "letters that are none": ("x y", "x-y", "x.y", "x/y", "é", "x\ty", "*/", "\\", '"', "%s", "X_Y", "x_y"),
}  # fmt: skip


def joined(names: Sequence[str]) -> Net:
    """Per name an input of that name and an operator called like it or like what is made of it; all summed up."""
    rng = np.random.default_rng(len(names))
    net = Net([1, 3], name=names[0])
    net.inputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in names[1:]]
    total = ""
    for number, name in enumerate(names):
        weights = net.quant(rng.normal(size=(3, 3)), 0.25, 0.0, 4)
        made = net.op("MatMul", net.quant(name, 0.3, 0.0, 4), weights)
        net.nodes[-1].name = (name, f"{name}_weights", f"s_{name}", f"beat_in_{name}")[number % 4]
        made = net.quant(net.op("Relu", made), 0.37, 0.0, 4)
        total = net.quant(net.op("Add", total, made), 0.41, 0.0, 5) if total else made
    return net


@pytest.mark.parametrize("kind", PORTS)
def test_ports_and_operators_of_any_name(kind: str, tmp_path: Path) -> None:
    net = joined(PORTS[kind])
    path = net.save(tmp_path, *(node.output[0] for node in net.nodes[-3:]))
    build = isobit.compile(path, tmp_path / "build", board="zcu104")
    assert [p.outside for p in build.ports if p.is_input] == list(PORTS[kind])
    assert isobit.lint(build) == ()
    assert bounded_csim(build, 5).equal
