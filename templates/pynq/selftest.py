"""Runs the shipped vectors on the board and measures. Status 0 if every integer is the expected one, else 1."""

from __future__ import annotations

import sys

from driver import Accelerator


def main() -> int:
    """Compare, measure, print; 0 equal, 1 different."""
    net = Accelerator()
    print(f"{net.model.title} on {net.model.board}, {net.model.clock_mhz:g} MHz, up to {net.batch} samples a transfer")
    differences = net.compare()
    ports = {port.name: port for port in net.model.ports}
    for d in differences:
        got, expected = (f"{n} ({ports[d.output].real(n, d.index[-1]):.6g})" for n in (d.got, d.expected))
        print(f"DIFFERENT: {d.output}, sample {d.sample}, element {d.index}: {got}, expected {expected}")
    if differences:
        return 1
    print("EQUAL: every integer is the expected one")
    speed = net.measure()
    print(f"one sample: {speed.latency * 1e3:.3f} ms, driver included")
    print(f"many samples: {speed.samples_per_second:.0f} per second")
    print(f"the fabric alone, by its schedule: {speed.accelerator_per_second:.0f} per second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
