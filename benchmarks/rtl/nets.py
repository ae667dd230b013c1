"""Synthesises whole networks with Yosys: what the error bars of the estimate are measured on.

    pip install -e .[synth]
    python benchmarks/rtl/nets.py                  # appends to benchmarks/rtl/nets.jsonl what is not there yet

The shipped classifier at several shares of its board, small drawn networks that have every unit between them, some
whose memories lie in block RAM, and layers whose products share DSPs (those of the tests). No coefficient is fitted to
any of them. A row holds the plan that was synthesised: ``counted.py`` compiles it again for the estimate of that very
design.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import isobit
from isobit import demo
from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.planner import PlanRequest
from isobit.build.folder import Build
from isobit.check.synth.run import synth
from isobit.check.synth.yosys import find_yosys

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]
from tests.backends.dataflow.test_packed import convolution, linear_of, matrix  # noqa: E402
from tests.models.random_nets import random_network  # noqa: E402
from tests.onnx_builder import Net as Onnx  # noqa: E402

DATA = Path(__file__).with_name("nets.jsonl")
SEEDS = (6, 14, 15, 19, 31, 54, 56, 2, 9, 23, 41)
"""Of networks with every unit between them, as the simulation's tests have them, and four more."""
PACKED = {
    "packed matrix": matrix, "packed narrow matrix": partial(matrix, bits=4, signed=1, inputs=4),
    "packed convolution": convolution,
}  # fmt: skip
"""By name the maker of a file."""


def deep(folder: Path, channels: int = 12, bits: int = 4) -> Path:
    """Two convolutions and a dense layer with long lines, many weights and a long vector."""
    rng = np.random.default_rng(channels)
    net = Onnx(["N", 3, 20, 20])

    def weights(*shape: int) -> str:
        return net.quant(rng.integers(-half, half, shape).astype(np.float32), 1.0, 0.0, bits)

    half = 1 << bits - 1
    x = net.quant("x", 0.5, 0, 6, signed=0)
    for fan_in in (3, channels):
        y = net.op("Conv", x, weights(channels, fan_in, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = net.quant(net.op("Relu", y), 48.0, 0, bits, signed=0)
    y = net.op("MatMul", net.op("Flatten", x), weights(400 * channels, 10))
    net.quant(y, 512.0, 0, 8)
    return net.save(folder)


DEEP = {"deep": deep, "deep and wide": partial(deep, channels=20, bits=5)}


@dataclass(frozen=True)
class Net:
    """A network on a board, in a share of it."""

    name: str
    board: str
    share: float

    @property
    def title(self) -> str:
        """As the tables call it."""
        return f"{self.name}, {self.board}, a share of {self.share:.0%}"

    def build(self, folder: Path, plan: str = "") -> Build:
        """The build in ``folder``, by a plan file's text where there is one."""
        if not plan:
            request = PlanRequest(share=self.share)
            if self.name in PACKED:
                layer = linear_of(self._model(folder))
                request = replace(request, layers={layer: LayerChoice(multiplier="packed")})
            return isobit.compile(self._model(folder), folder / "build", board=self.board, plan_request=request)
        (folder / "plan.toml").write_text(plan, encoding="utf-8")
        return isobit.compile(
            self._model(folder), folder / "build", board=self.board, max_util=1.0, plan=folder / "plan.toml"
        )

    def _model(self, folder: Path) -> Any:
        if self.name in (makers := PACKED | DEEP):
            return makers[self.name](folder)
        return demo.MODEL if self.name == "demo" else random_network(int(self.name.removeprefix("drawn ")))


def nets() -> Iterator[Net]:
    """All of them, 7-series and UltraScale+, the smallest first."""
    yield Net("demo", "pynq-z1", 0.03)
    for number, seed in enumerate(SEEDS):
        yield Net(f"drawn {seed}", "kv260" if number % 3 == 2 else "pynq-z1", 0.3)
    for board in ("pynq-z1", "kv260"):
        yield from (Net(name, board, 0.3) for name in PACKED)
        yield Net("packed convolution", board, 0.05)
    for share in (0.08, 0.2):
        yield Net("demo", "pynq-z1", share)
    for name, board in (("deep", "pynq-z1"), ("deep and wide", "kv260"), ("deep and wide", "pynq-z1")):
        yield Net(name, board, 0.08 if board == "kv260" else 0.15)


def known(path: Path = DATA) -> list[dict[str, Any]]:
    """What was counted."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no network after so many")
    options = parser.parse_args()
    yosys, done = find_yosys(), [row["net"] for row in known()]
    end = time.monotonic() + 60 * options.minutes
    for net in nets():
        if asdict(net) in done or time.monotonic() > end:
            continue
        with tempfile.TemporaryDirectory() as folder:
            build = net.build(Path(folder))
            result = synth(build, jobs=1, progress=lambda text: print(text, flush=True))
            counts = asdict(result.total)
            row = {"net": asdict(net), "yosys": yosys.version, "plan": build.plan, "counts": counts}
        with DATA.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{net.title}: {result.total.lut} LUT", flush=True)


if __name__ == "__main__":
    main()
