"""A model in one file: what a build keeps of its source must not depend on files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import EncodeError  # type: ignore[import-untyped, unused-ignore]

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.proto import read_model
from isobit.frontend.onnx.tensors import external_bytes


def whole_file(path: Path) -> bytes:
    """The bytes of an ONNX file, as they are, or with its external data inside where it has any.

    Raises:
        IsobitError: every refusal of reading the file or its data; E101 when all of it is more than one file can hold.
    """
    model, data = read_model(path)
    outside = [tensor for tensor in _tensors(model) if tensor.data_location == onnx.TensorProto.EXTERNAL]
    if not outside:
        return data
    for tensor in outside:
        tensor.raw_data = external_bytes(tensor, path.parent, f"tensor '{printable(tensor.name)}'")
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
    try:
        return bytes(model.SerializeToString(deterministic=True))
    except (EncodeError, ValueError) as error:
        message = "with its external data it is more than the 2 GiB that an ONNX file can hold"
        raise IsobitError("E101", message, where=printable(path)) from error


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
