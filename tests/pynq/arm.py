"""Runs on (emulated) 32-bit ARM with Python and numpy alone: ``arm.py TEMPLATES CASES``.

CASES is an ``.npz``: ``hosts`` (JSON text), and for each case ``given`` and ``expected`` arrays of the x86 machine.
"""

from __future__ import annotations

import json
import platform
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
from arithmetic import dequantise, quantise
from driver import Port

assert platform.machine() == "armv7l" and np.dtype(np.intp).itemsize == 4 and np.dtype(int).itemsize == 4
with np.load(sys.argv[2]) as cases:
    hosts = json.loads(str(cases["hosts"]))
    for i, host in enumerate(hosts):
        function = quantise if "quantiser" in host else dequantise
        got, expected = function(host, cases[f"given{i}"]), cases[f"expected{i}"]
        assert got.dtype == expected.dtype, (i, got.dtype)
        assert got.tobytes() == expected.tobytes(), (i, host, np.argwhere(got != expected)[:3])
    for i, dtype in enumerate(json.loads(str(cases["dtypes"]))):
        integers = cases[f"integers{i}"]
        lo, hi = int(integers.min()), int(integers.max())
        port = Port("p", "p", "dma_0", True, *[integers[0].size] * 3, dtype, integers.shape[1:], lo, hi, {})
        raw = port.pack(integers)
        assert raw.tobytes() == cases[f"raw{i}"].tobytes(), dtype
        back = port.unpack(raw)
        assert back.dtype == np.int64 and (back == integers).all(), dtype
print(len(hosts), "cases equal on", platform.machine())
