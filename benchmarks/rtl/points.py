"""Synthesises every template over a spread of its parameters with Yosys: the points that the cost model is fitted to.

    pip install -e .[synth]
    python benchmarks/rtl/points.py                # appends to benchmarks/rtl/points.jsonl what is not there yet

A point is a unit or a FIFO by itself (``draws.py``) with drawn constants: its template, constants, types and memory,
the DSP blocks of its board, what was counted (``isobit synth``'s own script and counting). The draws are seeded: a run
that goes on where another ended makes the same points. ``fit.py`` reads them.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from draws import DRAWS, Kind

from isobit.backends.dataflow.catalogue import CATALOGUE, numbers
from isobit.backends.dataflow.design import Array, Design, Process, Stream
from isobit.backends.dataflow.rtl import Part, parts_of
from isobit.backends.ports import IntType
from isobit.check.synth.mapping import counts_key
from isobit.check.synth.netlist import Counts
from isobit.check.synth.run import map_parts
from isobit.check.synth.yosys import Yosys, find_yosys
from isobit.errors import IsobitError
from isobit.hardware import Board, load_board, rom_memory

DATA = Path(__file__).with_name("points.jsonl")
BOARDS = {"DSP48E1": "pynq-z1", "DSP48E2": "kv260"}
BATCH = 16
TIMEOUT = 300.0


@dataclass(frozen=True)
class Point:
    """A unit's configuration.

    ``types``: bits and sign by name; ``storage`` of its constants (``auto``: the rule's), ``memory`` of its lines.
    """

    template: str
    dsp: str
    constants: Mapping[str, int | str]
    types: Mapping[str, Kind]
    storage: str = "auto"
    memory: str = ""

    @property
    def key(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def board(self) -> Board:
        return load_board(BOARDS[self.dsp])

    def process(self) -> Process:
        """The unit with constants drawn for it."""
        draw = np.random.default_rng(np.frombuffer(self.key.encode(), dtype=np.uint8))
        types = {name: IntType(*kind) for name, kind in self.types.items()}
        bare = Process("unit", self.template, tuple(self.constants.items()), tuple(types.items()), (), ())
        template, c = CATALOGUE[self.template], numbers(bare)
        arrays = []
        for i, record in enumerate(template.arrays):
            if record.elem in template.optional and record.elem not in types:
                continue
            elem = types[record.coded if record.coded in types else record.elem]
            lo, hi = (types["in_t"] if record.elem == "threshold_t" else elem).interval  # cuts that are reached
            values = draw.integers(lo, hi, size=record.shape(c), endpoint=True)
            if record.elem == "weight_t":  # all of its bits are used
                values.reshape(-1)[0] = hi
            if record.elem in ("multiplier_t", "ka_t", "kb_t"):  # none is 0, all have as many bits
                values |= 1 << elem.bits - 1
            if record.elem == "threshold_t":
                values = np.sort(values.reshape(values.shape[0], values.shape[1], -1), axis=-1).reshape(values.shape)
            storage = self.storage
            if storage == "auto":
                storage = rom_memory(len(values), values[0].size * elem.bits)
            arrays.append(Array(f"a{i}", elem, values, storage))
        names = [f"i{i}" for i in range(len(template.reads))], [f"o{i}" for i in range(len(template.writes))]
        return Process(
            "unit", self.template, bare.constants, bare.types, tuple(names[0]), tuple(names[1]), tuple(arrays),
            memory=self.memory,
        )  # fmt: skip

    def part(self) -> Part:
        """Its sources."""
        if self.template == "fifo":
            stream = Stream("s", IntType(1, False), int(self.constants["WIDTH"]), 1, int(self.constants["DEPTH"]))
            return parts_of(Design((), (stream,), (), ()), self.board)[0]
        process, template = self.process(), CATALOGUE[self.template]
        c, types = numbers(process), dict(process.types)
        streams = tuple(
            Stream(name, types[port.elem], port.lanes(c), 1)
            for name, port in zip((*process.inputs, *process.outputs), (*template.reads, *template.writes), strict=True)
        )
        return parts_of(Design((process,), streams, (), ()), self.board)[0]


def points() -> Iterator[Point]:
    """All of them, in a drawn order: whatever was done is of every kind."""
    found = {}
    for name, (template, count, drawn) in DRAWS.items():
        draw = random.Random(name)
        for i in range(count + count // 3):
            made = Point(template, "DSP48E1" if i < count else "DSP48E2", **drawn(draw))
            found[made.key] = made
    order = list(found.values())
    random.Random(0).shuffle(order)
    return iter(order)


def known(path: Path = DATA) -> dict[str, dict[str, Any]]:
    """What was counted, by the point's key."""
    if not path.exists():
        return {}
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {json.dumps(row["point"], sort_keys=True): row for row in rows}


def counted(yosys: Yosys, batch: list[Point]) -> Iterator[tuple[Point, Counts | None]]:
    """Points of one family with what was counted; None of one that Yosys itself fails at, which is found by halves."""
    board, parts = batch[0].board, [p.part() for p in batch]
    keys = [counts_key(yosys, part, board) for part in parts]
    try:
        found = map_parts(yosys, dict(zip(keys, parts, strict=True)), board, TIMEOUT)
        yield from ((point, found[key]) for point, key in zip(batch, keys, strict=True))
    except IsobitError as error:
        if len(batch) == 1:
            print(f"{batch[0].key}: {error}", flush=True)
            yield batch[0], None
        else:
            middle = len(batch) // 2
            yield from counted(yosys, batch[:middle])
            yield from counted(yosys, batch[middle:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no batch after so many")
    options = parser.parse_args()
    yosys, done = find_yosys(), known()
    todo = [p for p in points() if p.key not in done]
    end, left = time.monotonic() + 60 * options.minutes, len(todo)
    while todo and time.monotonic() < end:
        batch = [p for p in todo if p.dsp == todo[0].dsp][:BATCH]
        todo = [p for p in todo if p not in batch]
        for point, counts in counted(yosys, batch):
            row = {"point": asdict(point), "yosys": yosys.version, "counts": counts and asdict(counts)}
            with DATA.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        print(f"{left - len(todo)} of {left}", flush=True)


if __name__ == "__main__":
    main()
