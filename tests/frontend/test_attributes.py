"""Attributes of another kind than an operator has: a code and a place, also under ``python -O``."""

from __future__ import annotations

import pytest

from isobit.check.source.exact.constants import _filled
from isobit.check.source.exact.file import FileNode
from isobit.errors import IsobitError
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import attribute_ints


@pytest.mark.parametrize("value", [3, 0.5, "valid", (1.5, 2), ("a",)])
def test_a_list_of_integers_that_is_none(value: object) -> None:
    node = SourceNode("MaxPool", "pool", ("x",), ("y",), {"kernel_shape": value}, 13, "")
    with pytest.raises(IsobitError, match=r"E202.*kernel_shape") as error:
        attribute_ints(node, "kernel_shape", ())
    assert "MaxPool" in error.value.where
    assert attribute_ints(node, "strides", (1, 1)) == (1, 1)


@pytest.mark.parametrize("value", [3, 0.5, "zeros"])
def test_a_fill_that_is_no_tensor(value: object) -> None:
    import numpy as np

    node = FileNode("ConstantOfShape", "fill", ("x",), ("y",), {"value": value}, 13)
    with pytest.raises(IsobitError, match=r"E202.*ConstantOfShape"):
        _filled(node, [np.array([2])], [])
