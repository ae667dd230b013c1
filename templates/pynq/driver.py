"""Runs the accelerator of this folder on a PYNQ board: floats in, floats out, every integer as isobit proved it.

    from driver import Accelerator

    net = Accelerator()                   # loads overlay.bit and overlay.hwh beside this file
    scores = net(images)                  # float32 (batch, ...) in, float32 (batch, ...) out
    print(net.compare(), net.measure())   # the shipped vectors: () if every integer is right; latency, throughput

Needs numpy and pynq (2.7 or newer) and works on 32-bit ARM: integers are int64 wherever they are computed with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from arithmetic import Array, dequantise, entering, quantise

HERE = Path(__file__).resolve().parent
MOST_BYTES = 4 << 20
"""Of a buffer that holds more than one sample: a board has little contiguous memory (128 MB on a PYNQ-Z1)."""


@dataclass(frozen=True)
class Port:
    """An AXI stream of the accelerator: ``frame`` elements a sample, each in a little-endian container ``dtype``.

    Behind every ``row`` elements is slack, up to ``filled``: the first of them again, or what comes back. ``name`` is the
    tensor's in the model, ``stream`` the port's in the block design, ``dma`` that of the DMA behind it. Elements are
    integers in ``[lo, hi]`` of shape ``shape`` (channels last); :mod:`arithmetic` takes ``host``.
    """

    name: str
    stream: str
    dma: str
    is_input: bool
    frame: int
    row: int
    filled: int
    dtype: str
    shape: tuple[int, ...]
    lo: int
    hi: int
    host: Mapping[str, Any]

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample on the stream: a whole number of its words."""
        return self.frame // self.row * self.filled * np.dtype(self.dtype).itemsize

    def pack(self, integers: Array) -> Array:
        """Integers ``(batch, *shape)`` as the bytes that travel, first element first, lowest byte first.

        Raises:
            ValueError: when the shape is another one or an integer lies outside ``[lo, hi]``.
        """
        integers = np.asarray(integers)
        if integers.shape[1:] != self.shape or not np.issubdtype(integers.dtype, np.integer):
            raise ValueError(f"{self.name} takes integers (batch, {self.shape}), not {integers.dtype} {integers.shape}")
        if integers.size and (int(integers.min()) < self.lo or int(integers.max()) > self.hi):
            raise ValueError(f"{self.name}: an integer lies outside {self.lo} .. {self.hi}")
        rows = np.ascontiguousarray(integers, dtype=self.dtype).reshape(-1, self.row)
        return np.concatenate([rows, rows[:, : self.filled - self.row]], axis=1).reshape(-1).view(np.uint8)

    def unpack(self, raw: Array) -> Array:
        """The bytes of whole samples as int64 ``(batch, *shape)``."""
        rows = np.frombuffer(np.ascontiguousarray(raw).tobytes(), dtype=self.dtype).reshape(-1, self.filled)
        return rows[:, : self.row].astype(np.int64).reshape(-1, *self.shape)

    def real(self, integer: int, channel: int) -> float:
        """The real value that an integer of this channel (the last index) stands for."""
        scale, offset = (self.host[name] for name in ("scale", "offset"))
        return float(scale[channel % len(scale)] * integer + offset[channel % len(offset)])


@dataclass(frozen=True)
class Model:
    """What ``model.json`` says: the ports, the clock, and the clocks from one sample to the next.

    ``head`` names the ports of a few-shot head: ``prototypes``, ``features``, ``label``; ``line`` says how far an output
    looks (:mod:`lines`): ``stride``, ``left``, ``right``. Either may be empty.
    """

    title: str
    board: str
    clock_mhz: float
    interval: int
    ports: tuple[Port, ...]
    head: Mapping[str, str]
    line: Mapping[str, int]

    @property
    def inputs(self) -> tuple[Port, ...]:
        return tuple(p for p in self.ports if p.is_input)

    @property
    def outputs(self) -> tuple[Port, ...]:
        return tuple(p for p in self.ports if not p.is_input)


@dataclass(frozen=True)
class Difference:
    """An output element that is not the expected integer."""

    output: str
    sample: int
    index: tuple[int, ...]
    got: int
    expected: int


@dataclass(frozen=True)
class Measurement:
    """Seconds of one sample by itself (median), and samples per second of a large batch.

    ``accelerator_per_second`` is what the fabric could do at its clock: the difference is the host's and the memory's.
    """

    latency: float
    samples_per_second: float
    accelerator_per_second: float


def load_model(folder: Path = HERE) -> Model:
    """Read ``model.json``."""
    record = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    ports = tuple(Port(**{**p, "shape": tuple(p["shape"])}) for p in record.pop("ports"))
    return Model(ports=ports, **record)


class Accelerator:
    """The loaded overlay and its buffers.

    Args:
        folder: holds ``model.json``, ``vectors.npz`` and, unless ``overlay`` is given, ``overlay.bit`` and ``.hwh``.
        overlay: a ``pynq.Overlay`` that is loaded already.
        batch: samples of one DMA transfer; fewer where a buffer would exceed :data:`MOST_BYTES` or the DMA's limit.
        timeout: seconds after which a transfer that does not end is given up.
    """

    def __init__(self, folder: str | Path = HERE, overlay: Any = None, batch: int = 256, timeout: float = 10.0) -> None:
        self.folder, self.timeout = Path(folder), timeout
        self.model = load_model(self.folder)
        if overlay is None:
            from pynq import Overlay

            overlay = Overlay(str(self.folder / "overlay.bit"))
        self.overlay = overlay
        self._channels = [_channel(overlay, p) for p in self.model.ports]
        self.batch = _batch(self.model.ports, [getattr(overlay, p.dma).buffer_max_size for p in self.model.ports], batch)
        self._buffers = [[self._buffer(p) for p in self.model.ports] for _ in range(2)]

    def __call__(self, inputs: Array | Mapping[str, Array]) -> Array | dict[str, Array]:
        """Samples ``(batch, ...)`` in, float32 results out: as :meth:`run`, bare where there is one output."""
        results = self.run(inputs)
        return results if len(results) > 1 else next(iter(results.values()))

    def run(self, inputs: Array | Mapping[str, Array]) -> dict[str, Array]:
        """Results by output name. Several inputs are given by name.

        Samples lie in the model's own layout. Floats are real values; integers are the input's own integers where the
        model's input holds integers (:func:`arithmetic.entering`).

        Raises:
            ValueError: a missing input, a wrong shape, NaN; TimeoutError, RuntimeError: the transfer failed.
        """
        floats = self._by_name(inputs)
        integers = self._stream(_count(floats), lambda port, part: entering(port.host, floats[port.name][part]))
        return {p.name: dequantise(p.host, integers[p.name]) for p in self.model.outputs}

    def run_integers(self, inputs: Array | Mapping[str, Array]) -> dict[str, Array]:
        """The same on the integers of the ports, in their layout, channels last: int64 ``(batch, *shape)`` in and out.

        An integer stands for ``scale * integer + offset`` (``Port.host``). Where these differ between channels the
        greatest integer need not be the greatest value: take ``argmax`` of what :meth:`run` gives.
        """
        integers = self._by_name(inputs)
        return self._stream(_count(integers), lambda port, part: integers[port.name][part])

    def compare(self) -> tuple[Difference, ...]:
        """Run the shipped vectors; the first wrong element of every output, none if all integers are as expected."""
        with np.load(self.folder / "vectors.npz", allow_pickle=False) as vectors:
            floats = {p.name: vectors["float_" + p.stream] for p in self.model.inputs}
            given = {p.name: vectors[p.stream] for p in self.model.inputs}
            expected = {p.name: vectors[p.stream] for p in self.model.outputs}
        got = self.run_integers(given)
        found = [_first_difference(p.name, quantise(p.host, floats[p.name]), given[p.name]) for p in self.model.inputs]
        found += [_first_difference(p.name, got[p.name], expected[p.name]) for p in self.model.outputs]
        return tuple(filter(None, found))

    def measure(self, samples: int = 4096, repeats: int = 20) -> Measurement:
        """Latency of single samples and throughput of ``samples``, packing and unpacking included."""
        with np.load(self.folder / "vectors.npz", allow_pickle=False) as vectors:
            given = {p.name: vectors[p.stream] for p in self.model.inputs}
        one = {name: values[:1] for name, values in given.items()}
        many = {name: np.resize(values, (samples, *values.shape[1:])) for name, values in given.items()}
        latencies = sorted(_seconds(lambda: self.run_integers(one)) for _ in range(repeats))
        per_second = samples / _seconds(lambda: self.run_integers(many))
        return Measurement(latencies[repeats // 2], per_second, self.model.clock_mhz * 1e6 / self.model.interval)

    def _by_name(self, inputs: Array | Mapping[str, Array]) -> dict[str, Array]:
        names = [p.name for p in self.model.inputs]
        given = dict(inputs) if isinstance(inputs, Mapping) else {names[0]: inputs}
        if sorted(given) != sorted(names):
            raise ValueError(f"inputs by name are needed: {', '.join(names)}")
        return {name: np.asarray(values) for name, values in given.items()}

    def _stream(self, count: int, load: Callable[[Port, slice], Array]) -> dict[str, Array]:
        """Double buffering: while the DMAs move one part, the next is packed and the one before unpacked."""
        results = {p.name: np.empty((count, *p.shape), np.int64) for p in self.model.outputs}
        parts = [slice(first, min(first + self.batch, count)) for first in range(0, count, self.batch)]
        for k, part in enumerate(parts):
            if k == 0:
                self._pack(part, 0, load)
            self._start(part, k % 2)
            try:
                if k + 1 < len(parts):
                    self._pack(parts[k + 1], (k + 1) % 2, load)
                if k > 0:
                    self._unpack(parts[k - 1], (k - 1) % 2, results)
            finally:
                self._finish(part)
        if parts:
            self._unpack(parts[-1], (len(parts) - 1) % 2, results)
        return results

    def _pack(self, part: slice, side: int, load: Callable[[Port, slice], Array]) -> None:
        for port, buffer in zip(self.model.ports, self._buffers[side]):
            if port.is_input:
                raw = port.pack(load(port, part))
                buffer[: raw.size] = raw

    def _unpack(self, part: slice, side: int, results: dict[str, Array]) -> None:
        for port, buffer in zip(self.model.ports, self._buffers[side]):
            if not port.is_input:
                results[port.name][part] = port.unpack(buffer[: _bytes(port, part)])

    def _start(self, part: slice, side: int) -> None:
        """Outputs first: they must be ready when the first word leaves."""
        ends = zip(self.model.ports, self._channels, self._buffers[side])
        for port, channel, buffer in sorted(ends, key=lambda end: end[0].is_input):
            channel.transfer(buffer, nbytes=_bytes(port, part))

    def _finish(self, part: slice) -> None:
        deadline = time.monotonic() + self.timeout
        for port, channel in zip(self.model.ports, self._channels):
            while channel.running and not channel.idle and not channel.error:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{port.name} did not end within {self.timeout:g} s: load the overlay again")
            channel.wait()
            if channel.transferred != _bytes(port, part):
                raise RuntimeError(f"{port.name}: {channel.transferred} of {_bytes(port, part)} bytes were moved")

    def _buffer(self, port: Port) -> Any:
        from pynq import allocate

        return allocate(shape=(port.frame_bytes * self.batch,), dtype=np.uint8, target=self.overlay.device)


def _channel(overlay: Any, port: Port) -> Any:
    dma = getattr(overlay, port.dma)
    return dma.sendchannel if port.is_input else dma.recvchannel


def _batch(ports: Sequence[Port], limits: Sequence[int], wanted: int) -> int:
    """Samples of one transfer: what was asked for, what a buffer may hold, or what the DMAs' length registers hold."""
    most = min(limit // port.frame_bytes for port, limit in zip(ports, limits))
    if most < 1 or wanted < 1:
        raise ValueError("not even one sample fits a DMA transfer")
    return min(wanted, most, max(1, MOST_BYTES // max(port.frame_bytes for port in ports)))


def _bytes(port: Port, part: slice) -> int:
    return port.frame_bytes * int(part.stop - part.start)


def _count(arrays: dict[str, Array]) -> int:
    counts = {len(values) for values in arrays.values()}
    if len(counts) != 1:
        raise ValueError("the inputs hold different numbers of samples")
    return counts.pop()


def _first_difference(name: str, got: Array, expected: Array) -> Difference | None:
    wrong = np.argwhere(got != expected)[:1].tolist()
    if not wrong:
        return None
    place = tuple(wrong[0])
    return Difference(name, place[0], place[1:], int(got[place]), int(expected[place]))


def _seconds(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
