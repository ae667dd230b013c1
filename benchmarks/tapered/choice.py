"""Time of choosing run and scale by least squared error, for as many weights as one asks for.

    python benchmarks/tapered/choice.py [--weights 1000000] [--formats tapered:4 tapered:8 int:8]

Weights are drawn from a normal, a Laplace and a Student distribution (3 degrees of freedom). Seconds of CPU are those
of this process, the least of three; how many scales were looked at does not depend on the machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any
from unittest import mock

import numpy as np

from isobit.numerics.formats import choose as choosing
from isobit.numerics.formats import parse_format

DRAWS = {
    "normal": lambda rng, n: rng.normal(size=n), "Laplace": lambda rng, n: rng.laplace(size=n),
    "Student": lambda rng, n: rng.standard_t(3, size=n),
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=int, default=1_000_000, metavar="N", help="how many (%(default)s)")
    parser.add_argument("--formats", nargs="+", default=["tapered:4", "tapered:8", "int:8"], metavar="FORMAT")
    options = parser.parse_args(arguments)
    print(f"{'weights':>8} {'format':>10} {'CPU s':>6} {'scales':>7}  chosen")
    for drawn, draw in DRAWS.items():
        values = draw(np.random.default_rng(0), options.weights).astype(np.float32)
        for name in options.formats:
            seconds, scales, found = measured(values, name)
            print(f"{drawn:>8} {name:>10} {seconds:6.2f} {scales:7}  {found.format}, error {found.error:.6g}")


def measured(values: Any, name: str) -> tuple[float, int, choosing.Choice]:
    """Seconds of CPU, scales whose error or bound was computed, and what was chosen."""
    looked, side = [], choosing._Errors.side

    def counted(self: Any, scales: Any) -> Any:
        looked.append(len(scales))
        return side(self, scales)

    seconds = []
    for _ in range(3):
        began = time.process_time()
        choosing.choose(values, parse_format(name))
        seconds.append(time.process_time() - began)
    with mock.patch.object(choosing._Errors, "side", counted):
        found = choosing.choose(values, parse_format(name))
    return min(seconds), sum(looked), found


if __name__ == "__main__":
    main()
