"""Every template over all legal foldings of small shapes equals plain loops over 64-bit integers, in every build."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

# Build, compiler, and a stride: two builds take every case, the others a share.
BUILDS = [("faithful", "g++", 1), ("checked", "g++", 1), ("native", "g++", 3)]
BUILDS += [("faithful", "clang++", 9), ("native", "clang++", 5)]


def divisors(number: int) -> list[int]:
    """All positive divisors, ascending."""
    return [d for d in range(1, number + 1) if number % d == 0]


def integer_type(width: int, signed: bool) -> str:
    """``ap_int<width>`` or ``ap_uint<width>``."""
    return f"ap_{'' if signed else 'u'}int<{width}>"


def accumulator(inputs: int, x: tuple[int, bool], w: tuple[int, bool]) -> str:
    """The narrowest type for any sum of ``inputs`` products of ``x`` and ``w``, given as (width, signed)."""
    lows = [-(1 << width - 1) if signed else 0 for width, signed in (x, w)]
    highs = [(1 << width - signed) - 1 for width, signed in (x, w)]
    corners = [a * b for a in (lows[0], highs[0]) for b in (lows[1], highs[1])]
    low, high = inputs * min(corners), inputs * max(corners)
    if low >= 0:
        return integer_type(max(1, high.bit_length()), False)
    return integer_type(max((-low - 1).bit_length(), high.bit_length()) + 1, True)


def dense_cases() -> list[str]:
    """All divisors SIMD of IN and PE of OUT; the operand types take turns."""
    types = [
        ((8, True), (4, True)), ((1, False), (1, True)), ((2, False), (2, True)), ((4, False), (3, False)),
        ((1, False), (1, False)), ((16, True), (16, True)), ((3, True), (5, False)),
    ]  # fmt: skip
    shapes = product((1, 2, 3, 4, 6), (1, 2, 4, 6))
    foldings = [(i, o, simd, pe) for i, o in shapes for simd in divisors(i) for pe in divisors(o)]
    cases = []
    for n, (i, o, simd, pe) in enumerate(foldings):
        x, w = types[n % len(types)]
        operands = f"{integer_type(*x)}, {integer_type(*w)}, {accumulator(6, x, w)}"
        cases.append(f"run<config<{i}, {o}, {simd}, {pe}, {1 + n % 3}, {operands}> >();")
    wide = accumulator(4, (24, True), (32, True))
    return [*cases, f"run<config<4, 2, 2, 1, 1, ap_int<24>, ap_int<32>, {wide}> >();"]


def channel_foldings() -> list[tuple[int, int, int]]:
    """(CHANNELS, PE, FOLDS): per channel, per tensor, a frame with each channel twice, words of several samples."""
    per_channel = [(c, pe, c // pe) for c in (1, 2, 4, 6) for pe in divisors(c)]
    per_tensor = [(1, pe, folds) for pe in (2, 3) for folds in (1, 2)]
    repeated = [(4, pe, 2 * 4 // pe) for pe in (1, 2, 4)]
    several = [(c, c * samples, 2) for c in (2, 3) for samples in (2, 4, 8, 16)]
    return per_channel + per_tensor + repeated + several


def step_cases() -> list[str]:
    """The three bodies over all foldings; levels, shifts, clamps and types take turns."""
    foldings = channel_foldings()
    shifts = list(product((0, 1, 5, 12, 40), ("ap_uint<4>", "ap_int<6>", "ap_uint<1>"), (True, False)))
    cases = []
    for n, (channels, pe, folds) in enumerate(foldings):
        shape = f"shape<{channels}, {pe}, {folds}, {integer_type(5 + n % 3, n % 2 == 0)}, ap_int<8> >"
        cases.append(f"run_thresholds<threshold_config<{shape}, {(1, 2, 3, 7, 15)[n % 5]}> >();")
        table = f"shape<{channels}, {pe}, {folds}, ap_int<5>, {integer_type(1 + n % 9, n % 2 == 1)} >"
        cases.append(f"run_lookup<lookup_config<{table}, {(-16, -3, 0)[n % 3]}, {(32, 7, 1)[n % 3]}> >();")
    for n, (shift, multiplier, clamp) in enumerate(shifts):
        channels, pe, folds = foldings[n % len(foldings)]
        out = "ap_int<4>" if clamp else "ap_int<20>"
        shape = f"shape<{channels}, {pe}, {folds}, {('ap_int<11>', 'ap_uint<7>')[n % 2]}, {out} >"
        config = f"shift_config<{shape}, {shift}, {multiplier}, {str(clamp).lower()}>"
        cases.append(f"run_multiply_shift<{config} >();")
        cases.append(f"run_multiply_shift_per_channel<shifts_config<{config} > >();")
    wide = "shape<4, 2, 2, ap_int<32>, ap_int<48> >"
    return [*cases, f"run_multiply_shift<shift_config<{wide}, 8, ap_int<24>, false> >();"]


def stream_cases() -> list[str]:
    """Ports of every container, all pairs of widths that divide 12, forks, joins and selections."""
    ports = [(8, 5, True), (8, 8, False), (16, 9, False), (16, 16, True), (32, 23, True), (64, 40, True)]
    cases = [
        f"run_port<port_config<{4 * lanes}, {lanes}, {container}, {integer_type(width, signed)}> >();"
        for container, width, signed in ports
        for lanes in (1, 2, 4, 8)
        if lanes * container <= 64
    ]
    pairs = product(divisors(12), divisors(12))
    cases += [f"run_width_converter<regroup_config<12, {a}, {b}> >();" for a, b in pairs]
    cases += [f"run_fork<fork_config<{words}, {lanes}> >();" for words in (1, 5) for lanes in (1, 3)]
    for n, (channels, pe, folds) in enumerate(channel_foldings()):
        signed, unsigned = ("ap_int<4>", "ap_uint<6>", "ap_int<5>", "ap_int<3>"), ("ap_uint<1>", "ap_uint<3>") * 2
        operands = ", ".join((*signed, "ap_int<11>") if n % 2 else (*unsigned, "ap_uint<6>"))
        cases.append(f"run_add<add_config<{channels}, {pe}, {folds}, {operands}> >();")
    for n, (frame, k) in enumerate([(1, 1), (4, 1), (4, 4), (6, 2), (10, 3)]):
        element = integer_type(3, n % 2 == 0)
        vectors = 1 + n % 3
        cases += [
            f"run_select<select_config<{frame}, {lanes}, {vectors}, {k}, {element}> >();" for lanes in divisors(frame)
        ]
        samples = (1, 2, 4, 8, 16)[n]
        several = f"{frame}, {frame * samples}, {samples * vectors}"
        cases.append(f"run_select<select_config<{several}, {k}, {element}> >();")
    return cases


PROGRAMS = {"dense.cpp": dense_cases(), "steps.cpp": step_cases(), "streams.cpp": stream_cases()}


@pytest.mark.parametrize(("build", "cxx", "stride"), BUILDS)
@pytest.mark.parametrize("source", list(PROGRAMS))
def test_template_equals_plain_loops(compile_program: Any, source: str, build: str, cxx: str, stride: int) -> None:
    """Each program compares every element itself; all configurations must have been reached."""
    cases = PROGRAMS[source][::stride]
    result = compile_program(source, build, cxx, cases).run()
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    configurations, elements = result.stdout.split()[1::2]
    assert int(configurations) == len(cases)
    assert int(elements) >= 3 * len(cases)


def test_all_dense_foldings_are_there() -> None:
    """12 ways to fold the inputs times 10 ways to fold the outputs, and one case with 64-bit accumulators."""
    assert len(dense_cases()) == 12 * 10 + 1


@pytest.mark.parametrize("build", ["faithful", "checked"])
def test_ports_wider_than_a_machine_word(compile_program: Any, build: str) -> None:
    """1024 bits in the faithful build, 512 in the native one."""
    lanes = 16 if build == "faithful" else 8
    wide = f"run_port<port_config<32, {lanes}, 64, ap_int<50> > >();"
    cases = [wide, "run_port<port_config<64, 32, 8, ap_uint<7> > >();"]
    result = compile_program("streams.cpp", build, "g++", cases).run()
    assert (result.returncode, result.stdout[:18]) == (0, "configurations 2 e"), result.stdout + result.stderr


@pytest.mark.parametrize("source", list(PROGRAMS))
def test_constants_and_counters_as_synthesis_declares_them(compile_program: Any, source: str) -> None:
    """Under __SYNTHESIS__ constant arrays hold ap_int elements and counters have few bits, which this build checks."""
    cases = PROGRAMS[source][::10]
    result = compile_program(source, "checked", "g++", cases, ["__SYNTHESIS__"]).run()
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith(f"configurations {len(cases)} ")
