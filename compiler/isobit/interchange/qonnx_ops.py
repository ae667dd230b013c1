"""The custom domain ``isobit.interchange.qonnx_ops``: one QONNX operator for every operation of the integer graph.

QONNX imports this module by the domain's name. A node's inputs are its operands and then its arrays, which ``parts``
names; what they mean is :func:`isobit.interchange.arrays.run_arrays`. Tensors hold int64, so that no float rounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qonnx.core.datatype import DataType  # type: ignore[import-untyped, unused-ignore]
from qonnx.custom_op.base import CustomOp  # type: ignore[import-untyped, unused-ignore]

from isobit.interchange.arrays import MEANING
from isobit.ir.ops import OPS


class GraphOperation(CustomOp):  # type: ignore[misc, unused-ignore]
    """What all of them share; the operation is the lower-case name of the class."""

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Every attribute there is; which of them an operation has, ``docs/export.md`` says."""
        lists = ("shape", "strides", "dilations", "kernel", "before", "after", "outside_shape")
        texts = ("parts", "scale", "offset")
        return {
            **{name: ("ints", False, []) for name in lists},
            **{name: ("strings", False, []) for name in texts},
            **dict.fromkeys(("groups", "value", "axis", "k", "operands"), ("i", False, 0)),
            "datatype": ("s", True, ""),
        }

    def make_shape_compatible_op(self, model: Any) -> Any:
        """A standard operator of the same output shape, for QONNX's shape inference."""
        return super().make_const_shape_op([1, *self.get_nodeattr("shape")])

    def infer_node_datatype(self, model: Any) -> None:
        """The integer type that holds the value."""
        model.set_tensor_datatype(self.onnx_node.output[0], DataType[self.get_nodeattr("datatype")])

    def execute_node(self, context: dict[str, Any], graph: Any) -> None:
        """Compute the node's value in int64."""
        layer = {name: self.get_nodeattr(name) for name in self.get_nodeattr_types()}
        count = layer["operands"]
        tensors = [np.asarray(context[name]).astype(np.int64) for name in self.onnx_node.input]
        parts = dict(zip(layer["parts"], tensors[count:], strict=True))
        value = MEANING[self.onnx_node.op_type.lower()](layer, parts, *tensors[:count])
        context[self.onnx_node.output[0]] = np.asarray(value, np.int64)

    def verify_node(self) -> list[str]:
        """Nothing beyond what QONNX checks."""
        return []


custom_op = {cls.__name__: type(cls.__name__, (GraphOperation,), {}) for cls in OPS.values()}
