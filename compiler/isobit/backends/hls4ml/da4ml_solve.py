"""da4ml's search for an adder graph, as a program of its own that can be ended: it may take for ever.

stdin has an ``.npz`` of ``kernel`` ``(inputs, outputs)`` and ``low`` and ``high`` ``(inputs,)``; stdout gets the stages
as JSON. It imports nothing of isobit's, and is run by :mod:`isobit.backends.hls4ml.adder_search`.
"""

from __future__ import annotations

import io
import json
import sys

import numpy as np


def main() -> None:
    """Solve what stdin holds."""
    from da4ml.cmvm import solve  # type: ignore[import-not-found, unused-ignore]

    with np.load(io.BytesIO(sys.stdin.buffer.read())) as given:
        kernel, low, high = (given[name].astype(np.float64) for name in ("kernel", "low", "high"))
    spans = [(lo, hi, 1.0) for lo, hi in zip(low.tolist(), high.tolist(), strict=True)]
    # an adder is as wide as its carry chain: what isobit's own estimate counts
    # in C order: of another it reads other numbers (findings/da4ml-kernel-order.sh)
    found = solve(np.ascontiguousarray(kernel, np.float32), qintervals=spans, adder_size=1, carry_size=-1)
    stages = [
        {
            "sums": [[int(op.id0), int(op.id1), int(op.opcode), int(op.data)] for op in stage.ops],
            "in_shifts": [int(v) for v in stage.inp_shifts],
            "out": [[int(i), int(s), bool(n)]
                    for i, s, n in zip(stage.out_idxs, stage.out_shifts, stage.out_negs, strict=True)],
        }
        for stage in found.solutions
    ]  # fmt: skip
    json.dump(stages, sys.stdout)


if __name__ == "__main__":
    main()
