"""Every operation through the whole battery (:mod:`tests.interp.battery`)."""

from __future__ import annotations

from isobit.ir import OPS, ops
from tests.interp.battery import Battery
from tests.ir import random_graphs as makers


class TestDense(Battery):
    op, make = ops.Linear, makers._dense


class TestRunTimeDense(Battery):
    op, make = ops.Linear, makers._run_time_dense


class TestConvolution(Battery):
    op, make = ops.Linear, makers._conv


class TestAdd(Battery):
    op, make = ops.Add, makers._add


class TestProduct(Battery):
    op, make = ops.Product, makers._product


class TestStep(Battery):
    op, make = ops.Step, makers._step


class TestTable(Battery):
    op, make = ops.Table, makers._table


class TestMaxPool(Battery):
    op, make = ops.MaxPool, makers._maxpool


class TestPad(Battery):
    op, make = ops.Pad, makers._pad


class TestConcat(Battery):
    op, make = ops.Concat, makers._concat


class TestReindex(Battery):
    op, make = ops.Reindex, makers._reindex


class TestSelect(Battery):
    op, make = ops.Select, makers._select


def test_no_operation_is_left_out() -> None:
    """`input`, `const` and `output` are in every graph."""
    tried = {battery.op for battery in Battery.__subclasses__()}
    assert {*OPS.values()} == tried | {ops.Input, ops.Const, ops.Output}
