"""The chain from the float network to the C++: torch modules beside source, graph and C++."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from backends.interpreter_backend import NAME, known

import isobit
from isobit.check.csim.accuracy import accuracy
from isobit.errors import IsobitError

pytest.importorskip("brevitas", reason="NOT TESTED: isobit[train] is not installed")
FACTORIES = """
import torch
from torch import nn
from isobit.train import parse_formats, quantised

def plain(outputs=3):
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, outputs))

def fixed():
    return quantised(plain(), parse_formats("fixed", "2.3", "3.2"))

def other():
    return plain(4)
"""


def test_torch_modules_stand_beside_the_build(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(FACTORIES)
    plain, fixed, other = (f"{tmp_path / 'nets.py'}:{name}" for name in ("plain", "fixed", "other"))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 6)).astype(np.float32), rng.integers(0, 3, 200)
    with known():
        build = isobit.compile(fixed, tmp_path / "build", input_shape=(6,), backend=NAME)
        found = accuracy(build, x, y, torch=[plain, fixed])
        names = [s.name for s in found.scores]
        assert names[:2] == ["C++", "graph"] and names[2].startswith("source, qonnx") and len(names) == 5
        top = {s.name: s.top1 for s in found.scores}
        pairs = {(d.first, d.second): d for d in found.differing}
        for name in ("graph", names[2], names[4]):
            assert top[name] == top["C++"]
        assert pairs["graph", names[4]].predictions == 0 and pairs["graph", names[4]].samples == ()
        moved = pairs["graph", names[3]]
        assert 0 < moved.predictions < 100 and len(moved.samples) == min(moved.predictions, 16)
        with pytest.raises(IsobitError, match="E607"):
            accuracy(build, x, y, torch=[other])
        with pytest.raises(IsobitError, match="real values"):
            accuracy(build, np.rint(x).astype(np.int64), y, torch=[plain], samples="integers")
