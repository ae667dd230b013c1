"""The operators of isobit's own ONNX domain, which is this module's name: so qonnx finds them and executes such files.

Version 1 has two; both have the attributes ``bits`` and ``run`` of a format TFX(bits, run) (:mod:`isobit.numerics.
formats.tapered`), and their last input is a scale that broadcasts to the first:

* ``TaperedQuant(x, scale)``: the format's number nearest to ``x / scale`` (halves to the even code), times the scale.
* ``TaperedDecode(codes, scale)``: the numbers of integer codes in two's complement, times the scale.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.custom_op.base import CustomOp

from isobit.numerics.formats import Tapered

__all__ = ["TaperedDecode", "TaperedQuant"]


class _Tapered(CustomOp):  # type: ignore[misc, unused-ignore]
    """What both operators share."""

    def get_nodeattr_types(self) -> Mapping[str, Any]:
        """Both attributes are required integers."""
        return {"bits": ("i", True, 0), "run": ("i", True, 0)}

    @property
    def format(self) -> Tapered:
        """The format that the attributes name."""
        return Tapered(self.get_nodeattr("bits"), self.get_nodeattr("run"))

    @abstractmethod
    def integers(self, data: Any, scale: Any) -> Any:
        """The numbers that the operator gives, in the format's units: an array of integers in the shape of ``data``."""

    def execute_node(self, context: dict[str, Any], graph: Any) -> None:
        """The output in float32."""
        data, scale = (context[name] for name in self.onnx_node.input)
        scale = np.asarray(scale, np.float32)
        numbers = self.integers(data, scale).astype(np.float32) * np.float32(float(self.format.unit))
        context[self.onnx_node.output[0]] = np.asarray(numbers * scale, np.float32)

    def make_shape_compatible_op(self, model: Any) -> Any:
        """A standard operator whose output has the same shape."""
        node = self.onnx_node
        return helper.make_node("Cast", [node.input[0]], [node.output[0]], to=int(TensorProto.FLOAT))

    def infer_node_datatype(self, model: Any) -> None:
        """Numbers with a fraction are floats to qonnx."""
        model.set_tensor_datatype(self.onnx_node.output[0], DataType["FLOAT32"])

    def verify_node(self) -> list[str]:
        """Nothing to say."""
        return []


class TaperedQuant(_Tapered):
    """The nearest number of the format to each element, float32 in any shape."""

    def integers(self, data: Any, scale: Any) -> Any:
        """Of ``data / scale``, divided in float32."""
        return self.format.rounded(np.asarray(data, np.float32) / scale)


class TaperedDecode(_Tapered):
    """The numbers of codes, whole numbers in any shape.

    Raises:
        ValueError: a code has more bits than the format.
    """

    def integers(self, data: Any, scale: Any) -> Any:
        """Of codes in two's complement."""
        made = self.format
        table = np.array([made.integer(code) for code in range(1 << made.bits)])
        codes = np.asarray(data).astype(np.int64)
        if ((codes < -(1 << made.bits - 1)) | (codes >= 1 << made.bits - 1)).any():
            raise ValueError(f"a code of more than {made.bits} bits")
        return table[codes & (1 << made.bits) - 1]
