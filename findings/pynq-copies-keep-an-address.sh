#!/bin/sh
# pynq 4.0.0, numpy 1.26.4: what numpy makes of a buffer of pynq.allocate (a copy, a sum, astype, sort).
# One would expect an array in ordinary memory without a physical address, so that a DMA transfer of it raises an error: only
# allocated memory lies contiguous where the DMA reads it.
# Seen: it is a PynqBuffer with a physical address of its own, the original's plus the distance of the two *virtual* addresses:
# somebody else's memory. dma.sendchannel.transfer takes it as it takes any buffer, sends what lies there, and
# recvchannel.transfer writes there. Views (slices) are right, which is what the arithmetic is for.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check "numpy==1.26.4"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps pynq==4.0.0 # its dependencies need a board
cd "$work"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" - <<'PY'
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np

# pynq/__init__.py looks for a board; the buffer's own module does not.
place = Path(sys.prefix, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages", "pynq")
package = types.ModuleType("pynq")
package.__path__ = [str(place)]
sys.modules["pynq"] = package
from pynq.buffer import PynqBuffer

START, SIZE = 0x16900000, 4096


class Memory:
    """Allocates as pynq's devices do: memory of the host that is known at a physical address."""

    def allocate(self, shape, dtype):
        return PynqBuffer(shape=shape, dtype=dtype, buffer=bytearray(SIZE), device_address=START, device=self, bo=1)


buffer = Memory().allocate((SIZE,), np.uint8)
made = {
    "buffer": buffer,
    "buffer[16:]": buffer[16:],
    "buffer.copy()": buffer.copy(),
    "buffer + 1": buffer + np.uint8(1),
    "buffer.astype(np.int8)": buffer.astype(np.int8),
    "buffer[::2].copy()": buffer[::2].copy(),
    "np.sort(buffer)": np.sort(buffer),
}
for name, array in made.items():
    inside = START <= array.physical_address < START + SIZE
    own = np.shares_memory(np.asarray(array), np.asarray(buffer))
    address = "an address inside the allocation" if inside else "an address outside the allocation"
    print(f"{name}: {type(array).__name__} with {address}, {'the same' if own else 'other'} memory")
    assert isinstance(array, PynqBuffer) and inside == own
    distance = array.__array_interface__["data"][0] - buffer.__array_interface__["data"][0]
    assert array.physical_address == START + distance
assert [START <= a.physical_address < START + SIZE for a in made.values()] == [True, True] + [False] * 5
PY
