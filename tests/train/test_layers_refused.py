"""What a layer of the training cannot be made of is refused with a code."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("brevitas")


def test_a_batchnorm_without_running_statistics() -> None:
    from isobit.errors import IsobitError
    from isobit.train.layers import Folded

    with pytest.raises(IsobitError, match=r"E304.*running statistics"):
        Folded(torch.nn.BatchNorm1d(3, track_running_stats=False))
    assert Folded(torch.nn.BatchNorm1d(3)).gamma.shape == (3,)
