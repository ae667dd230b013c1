"""Runs a package's driver on a simulated board. Started in the environment that has the real ``pynq`` package:

    python board.py PACKAGE SIMULATION SCRIPT

SIMULATION is the compiled testbench of the package's ``hls`` folder, which stands for the fabric; SCRIPT is a Python
file that finds ``net`` (a ``driver.Accelerator``), ``board`` (a :class:`Board`) and ``folder`` (PACKAGE). The device
keeps memory of its own: what the driver forgets to flush or to invalidate, or touches in flight, comes out wrong.
"""

from __future__ import annotations

import ctypes
import json
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pynq
from pynq.buffer import PynqBuffer
from pynq.pl_server.device import Device
from pynq.pl_server.hwh_parser import _HWHUltrascale, _HWHZynq

HALTED, IDLE, INTERNAL_ERROR = 1, 2, 16
POLLS = 3
"""How often a status register says busy before the fabric is done."""


class Channel:
    """One direction of an AXI DMA in direct register mode: the registers of PG021 that a driver uses."""

    def __init__(self) -> None:
        self.status, self.address, self.length, self.sent = HALTED, 0, 0, b""
        self.busy = False


class Board(Device):
    """Memory, the DMAs' registers and the fabric. ``faults`` changes its behaviour: ``hang``, ``short``."""

    def __init__(self, folder: Path, simulation: Path) -> None:
        super().__init__("simulated board")
        self.capabilities = {"REGISTER_RW": True}
        self.folder, self.simulation = folder, simulation
        self.ports = {p["stream"]: p for p in json.loads((folder / "model.json").read_text())["ports"]}
        self.wiring = json.loads((folder / "wiring.json").read_text())
        self.channels = {name: Channel() for name in self.wiring}
        self.memory = np.zeros(1 << 24, np.uint8)
        self.next_address, self.polls, self.transfers = 1 << 20, 0, 0
        self.bitfile_name, self.timestamp = "", ""
        self.faults = set()

    # What pynq asks of a device.

    def get_bitfile_metadata(self, bitfile_name, partial=False):
        text = Path(bitfile_name).with_suffix(".hwh").read_text()
        parser = (_HWHZynq if "processing_system7" in text else _HWHUltrascale)(hwh_data=text)
        parser.clock_dict, parser.systemgraph = {}, None
        return parser

    def download(self, bitstream, parser=None):
        self.post_download(bitstream, parser)

    def allocate(self, shape, dtype, **_):
        buffer = PynqBuffer(shape, dtype, device=self, device_address=self.next_address, coherent=False)
        buffer[...] = 0x5A
        self.next_address += -(-buffer.nbytes // 4096) * 4096
        return buffer

    def flush(self, bo, offset, address, nbytes):
        at = self._physical[address]
        self.memory[at : at + nbytes] = np.frombuffer(ctypes.string_at(address, nbytes), np.uint8)

    def invalidate(self, bo, offset, address, nbytes):
        at = self._physical[address]
        ctypes.memmove(address, self.memory[at : at + nbytes].tobytes(), nbytes)

    @property
    def _physical(self):
        return {b.virtual_address: b.physical_address for side in net._buffers for b in side}

    def read_registers(self, address, length):
        channel, register = self._register(address)
        return int(self._read(channel, register)).to_bytes(length, "little")

    def write_registers(self, address, data):
        channel, register = self._register(address)
        if channel is not None:
            self._write(channel, register, int.from_bytes(bytes(data), "little"))

    def _register(self, address):
        for name, (dma, side) in self.wiring.items():
            offset = address - self.ip_dict[dma]["phys_addr"] - (0x30 if side == "s2mm" else 0)
            if 0 <= offset < 0x30:
                return self.channels[name], offset
        return None, 0

    def _read(self, channel, register):
        if channel is None:
            return 0
        if register == 4 and channel.busy:
            self.polls += 1
            if self.polls % POLLS == 0 and "hang" not in self.faults and all(c.busy for c in self.channels.values()):
                self._fabric()
        return {4: channel.status, 0x28: channel.length}.get(register, 0)

    def _write(self, channel, register, value):
        if register == 0:
            channel.status = 0 if value & 1 else HALTED
        elif register == 0x18:
            channel.address = value
        elif register == 0x1C:
            channel.address |= value << 32
        elif register == 0x28:
            assert not channel.busy and not channel.status & HALTED
            channel.busy, channel.length, channel.status = True, value, 0
            channel.sent = bytes(self.memory[channel.address : channel.address + value])

    # The fabric: the network's C simulation.

    def _fabric(self):
        self.transfers += 1
        with tempfile.TemporaryDirectory() as scratch:
            for name, channel in self.channels.items():
                if self.ports[name]["is_input"]:
                    now = bytes(self.memory[channel.address : channel.address + channel.length])
                    assert now == channel.sent, f"{name} was changed in flight"
                    Path(scratch, name + ".bin").write_bytes(channel.sent)
            subprocess.run([str(self.simulation), scratch, scratch, "--store"], check=True, capture_output=True)
            for name, channel in self.channels.items():
                if not self.ports[name]["is_input"]:
                    self._receive(channel, Path(scratch, name + ".bin").read_bytes())
        for channel in self.channels.values():
            channel.busy, channel.status = False, channel.status or IDLE

    def _receive(self, channel, data):
        if len(data) > channel.length:
            channel.status = HALTED | INTERNAL_ERROR
            return
        if "short" in self.faults:
            data = data[:-1]
        self.memory[channel.address : channel.address + len(data)] = np.frombuffer(data, np.uint8)
        channel.length = len(data)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.path.insert(0, str(folder))
    board = Device.active_device = Board(folder, Path(sys.argv[2]))
    from driver import Accelerator

    assert pynq.__version__ == "4.0.0"
    net = Accelerator(batch=5, timeout=2.0)
    runpy.run_path(sys.argv[3], {"net": net, "board": board, "folder": folder})
