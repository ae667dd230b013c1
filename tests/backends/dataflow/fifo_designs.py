"""Small dataflow designs for the FIFO tests, and two slow simulations that say what FIFOs do to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from random import Random

from isobit.backends.dataflow.catalogue import schedule_of
from isobit.backends.dataflow.design import Design, Process, Stream
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.schedule import Schedule
from isobit.backends.ports import IntType

ELEM, SUM = IntType(4, signed=False), IntType(12, signed=True)


class Chain:
    """Grows a design from its input on; a value is the name of its stream."""

    def __init__(self, height: int, width: int, channels: int, lanes: int = 1) -> None:
        self.height, self.width, self.channels, self.lanes = height, width, channels, lanes
        self.processes: list[Process] = []
        self.streams: list[Stream] = []
        self.elems: dict[str, IntType] = {}
        frame = height * width * channels
        port = {"FRAME": frame, "LANES": lanes, "ELEM": 8, "WORD": 8 * lanes}
        self.head = self.add("read_frame", port, ("in_port",), extra=("frame_end",))[0]

    def add(
        self, template: str, constants: Mapping[str, int], inputs: tuple[str, ...], outputs: int = 1,
        extra: tuple[str, ...] = (),
    ) -> list[str]:  # fmt: skip
        name = f"{template}{len(self.processes)}"
        outs = tuple(f"s_{name}_{i}" for i in range(outputs))
        process = Process(name, template, tuple(constants.items()), (), inputs, (*outs, *extra))
        self.processes.append(process)
        writes = schedule_of(process).writes[: len(outs)]
        elem = {"dense": SUM, "thresholds": ELEM}.get(template) or self.elems.get(inputs[0], ELEM)
        lanes = constants.get("OUT_LANES", constants.get("PE", self.lanes))
        self.elems |= dict.fromkeys(outs, elem)
        self.streams += [Stream(s, elem, lanes, len(w)) for s, w in zip(outs, writes, strict=True)]
        return list(outs)

    @property
    def words(self) -> int:
        return self.height * self.width * self.channels // self.lanes

    def fork(self, value: str) -> list[str]:
        return self.add("fork", {"WORDS": self.words, "LANES": self.lanes}, (value,), outputs=2)

    def step(self, value: str) -> str:
        size = {"CHANNELS": 1, "PE": self.lanes, "FOLDS": self.words, "LEVELS": 3}
        return self.add("thresholds", size, (value,))[0]

    def conv(self, value: str, kernel: int = 3, pe: int = 1) -> str:
        """Same size and channels: pad, window, dense."""
        shape = {"H": self.height, "W": self.width, "CHANNELS": self.channels, "LANES": self.lanes}
        border = (kernel - 1) // 2
        if border:
            border_of = dict.fromkeys(("TOP", "BOTTOM", "LEFT", "RIGHT"), border) | {"VALUE": 0}
            value = self.add("pad", shape | border_of, (value,))[0]
            window = {"IMAGES": 1, "KH": kernel, "KW": kernel, "SH": 1, "SW": 1, "DH": 1, "DW": 1}
            shape |= {"H": self.height + 2 * border, "W": self.width + 2 * border}
            value = self.add("sliding_window", shape | window, (value,))[0]
        size = {"IN": kernel * kernel * self.channels, "OUT": self.channels, "SIMD": self.lanes, "PE": pe}
        value = self.add("dense", size | {"VECTORS": self.height * self.width}, (value,))[0]
        frame = self.height * self.width * self.channels
        regroup = {"FRAME": frame, "ROW": frame, "CHANNELS": 1, "IN_LANES": pe, "OUT_LANES": self.lanes}
        return value if pe == self.lanes else self.add("width_converter", regroup, (value,))[0]

    def join(self, first: str, second: str) -> str:
        return self.add("add", {"CHANNELS": 1, "PE": self.lanes, "FOLDS": self.words}, (first, second))[0]

    def design(self, value: str) -> Design:
        frame = self.words * self.lanes
        port = {"FRAME": frame, "LANES": self.lanes, "ELEM": 8, "WORD": 8 * self.lanes, "ROW": frame}
        self.processes.append(
            Process("write", "write_frame", tuple(port.items()), (), (value, "frame_end"), ("out_port",))
        )
        return Design(tuple(self.processes), tuple(self.streams), ())


def residual(height: int, width: int, channels: int, lanes: int = 1, pe: int = 1) -> tuple[Design, str]:
    """One residual block, and the name of the stream around it."""
    chain = Chain(height, width, channels, lanes)
    inside, around = chain.fork(chain.step(chain.head))
    for _ in range(2):
        inside = chain.step(chain.conv(inside, pe=pe))
    return chain.design(chain.join(inside, around)), around


def random_design(seed: int) -> Design:
    """A few layers and residual blocks, nested ones too, of random sizes and foldings."""
    rng = Random(seed)
    channels = rng.choice([1, 2, 4])
    lanes = rng.choice([d for d in (1, 2, 4) if channels % d == 0])
    chain = Chain(rng.randint(1, 4), rng.randint(1, 4), channels, lanes)
    return chain.design(_layers(chain, rng, chain.head, depth=0))


def _layers(chain: Chain, rng: Random, value: str, depth: int) -> str:
    for _ in range(rng.randint(1, 3)):
        kind = rng.choice(["step", "conv", "conv", "block"])
        if kind == "step":
            value = chain.step(value)
        elif kind == "conv":
            pe = rng.choice([d for d in (1, 2, 4) if chain.channels % d == 0])
            value = chain.conv(value, rng.choice([1, 3]), pe)
        elif depth < 2:
            first, second = chain.fork(value)
            first = _layers(chain, rng, first, depth + 1)
            second = _layers(chain, rng, second, depth + 1) if rng.random() < 0.4 else second
            value = chain.join(*rng.sample([first, second], 2))
    return value


def depths_of(design: Design) -> dict[str, int]:
    return {s.name: s.depth for s in design.streams} | dict.fromkeys(design.flags, design.flag_depth)


# ---------------------------------------------------------------------- clock by clock


class _Pipeline:
    """One process clock by clock: iterations enter as their words come, and leave ``latency`` clocks later or wait."""

    def __init__(self, process: Process, schedule: Schedule, deeper: int) -> None:
        self.trip, self.latency = schedule.trip, schedule.latency + deeper
        self.inputs = [_by_iteration(s, t) for s, t in zip(process.inputs, schedule.reads, strict=True)]
        self.outputs = [_by_iteration(s, t) for s, t in zip(process.outputs, schedule.writes, strict=True)]
        self.entered, self.frames = 0, 0  # iterations, of all frames; frames done
        self.inside: dict[int, int] = {}  # iterations on their way, and the clocks that they have left

    def leaving(self) -> list[str]:
        """Streams that the oldest iteration writes now."""
        frame = (t % self.trip for t, left in self.inside.items() if left == 0)
        return [port[t] for t in frame for port in self.outputs if t in port]

    def entering(self, frames: int) -> list[str] | None:
        """Streams that the next iteration reads; None behind the last frame."""
        if self.entered == frames * self.trip:
            return None
        return [port[self.entered % self.trip] for port in self.inputs if self.entered % self.trip in port]

    def advance(self, enters: bool) -> bool:
        """One clock on; true when a frame's last iteration leaves."""
        ended = any(left == 0 and t % self.trip == self.trip - 1 for t, left in self.inside.items())
        self.inside = {t: left - 1 for t, left in self.inside.items() if left}
        if enters:
            self.inside[self.entered] = self.latency - 1
            self.entered += 1
        self.frames += ended
        return ended


def _by_iteration(stream: str, iterations: object) -> dict[int, str]:
    return {int(t): stream for t in iterations}  # type: ignore[attr-defined]


def frame_ends(
    design: Design, depths: Mapping[str, int], frames: int, deeper: Mapping[str, int] | None = None
) -> list[int] | None:
    """The clock in which each frame has left, or None when the dataflow locks up. Ports never wait."""
    pipelines = [_Pipeline(p, schedule_of(p), (deeper or {}).get(p.name, 0)) for p in design.processes]
    filled = dict.fromkeys(depths, 0)
    ends: list[int] = []
    for clock in range(1_000_000):
        before, moved = dict(filled), False
        for number, pipeline in enumerate(pipelines):
            if pipeline.frames == frames:
                continue
            writes = [s for s in pipeline.leaving() if s in filled]
            if any(before[s] >= depths[s] for s in writes):
                continue
            wanted = pipeline.entering(frames)
            reads = [s for s in wanted or () if s in filled]
            enters = wanted is not None and all(before[s] for s in reads)
            moved = moved or enters or bool(pipeline.inside)
            for s in writes:
                filled[s] += 1
            for s in reads if enters else ():
                filled[s] -= 1
            if pipeline.advance(enters) and number == len(pipelines) - 1:
                ends.append(clock)
        if len(ends) == frames:
            return ends
        if not moved:
            return None
    raise AssertionError("a million clocks")


# ---------------------------------------------------------------------- order of operations only


def completes(design: Design, depths: Mapping[str, int], frames: int = 3) -> bool:
    """Do sequential programs, without any clock, reach the end? An iteration waits for all its words, then for room."""
    network = Network(design)
    programs = {p.name: deque(_operations(p, network.schedules[p.name]) * frames) for p in design.processes}
    filled = dict.fromkeys(depths, 0)
    moved = True
    while moved:
        moved = False
        for program in programs.values():
            while program:
                streams = [s for s in program[0][0] if s in filled]
                step = program[0][1]
                if not all(0 <= filled[s] + step <= depths[s] for s in streams):
                    break
                filled.update({s: filled[s] + step for s in streams})
                program.popleft()
                moved = True
    return not any(programs.values())


def _operations(process: Process, schedule: Schedule) -> list[tuple[list[str], int]]:
    """``(streams, +1 for a write or -1 for a read)`` in the order of execution, all of an iteration at once."""
    moves: dict[tuple[int, int], list[str]] = {}
    sides = ((process.inputs, schedule.reads, -1), (process.outputs, schedule.writes, 1))
    for streams, ports, step in sides:
        for stream, port in zip(streams, ports, strict=True):
            for t in port:
                moves.setdefault((t, step), []).append(stream)
    return [(moves[key], key[1]) for key in sorted(moves)]
