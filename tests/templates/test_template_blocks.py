"""The units that take several samples per clock, for 1 to 16 of them, equal plain loops, in every build."""

from __future__ import annotations

from typing import Any

import pytest

BUILDS = [("faithful", "g++", 3), ("checked", "g++", 1), ("native", "clang++", 5)]
SAMPLES = (1, 2, 4, 8, 16)

# Height, kernel, strides, dilations; border above, below, left, right; least width.
SHAPES = [
    (1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1), (1, 1, 5, 1, 1, 1, 1, 0, 0, 2, 2, 4), (1, 1, 3, 1, 2, 1, 1, 0, 0, 1, 1, 2),
    (1, 1, 2, 1, 2, 1, 1, 0, 0, 0, 0, 2), (1, 1, 3, 1, 1, 1, 4, 0, 0, 4, 4, 8), (1, 1, 3, 1, 1, 1, 4, 0, 0, 8, 0, 8),
    (1, 1, 3, 1, 1, 1, 1, 0, 0, 0, 2, 2), (4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2), (5, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 2),
    (6, 2, 2, 2, 2, 1, 1, 0, 0, 0, 0, 2), (5, 2, 1, 1, 1, 2, 1, 0, 1, 0, 0, 1), (5, 3, 5, 3, 1, 1, 1, 0, 0, 0, 4, 4),
    (3, 3, 1, 1, 1, 1, 1, 2, 2, 0, 0, 1), (7, 3, 3, 1, 3, 2, 2, 2, 2, 2, 2, 3),
]  # fmt: skip


def divisors(number: int) -> list[int]:
    """All positive divisors, ascending."""
    return [d for d in range(1, number + 1) if number % d == 0]


def configuration(shape: tuple[int, ...], channels: int, samples: int) -> str:
    """``block_config`` at the least width that words of ``samples`` positions divide, or twice that."""
    height, *numbers, least = shape
    step = samples * numbers[3]
    width = -(-least // step) * step * (1 + samples % 3)
    kernel, border = numbers[:6], numbers[6:]
    text = f"kernel<{height}, {width}, {', '.join(map(str, kernel))}>"
    return f"block_config<{text}, {', '.join(map(str, border))}, {channels}, {samples}>"


def block_cases() -> list[str]:
    """Every shape with every number of samples; the matrix unit's foldings take turns, all of them at one shape."""
    cases = []
    for number, shape in enumerate(SHAPES):
        for turn, samples in enumerate(SAMPLES):
            channels = 1 + (number + turn) % 3
            config = configuration(shape, channels, samples)
            inputs = shape[1] * shape[2] * channels
            simd = divisors(inputs)[(number + turn) % len(divisors(inputs))]
            cases += [f"run_dense<{config}, 4, {(1, 2, 4)[turn % 3]}, {simd}>();", f"run_channels<{config} >();"]
    config = configuration(SHAPES[1], 2, 4)
    return cases + [f"run_dense<{config}, 6, {pe}, {simd}>();" for pe in divisors(6) for simd in divisors(10)]


def whole_cases() -> list[str]:
    """Pools over the whole frame, and joins."""
    cases = [f"run_whole<whole_config<{c}, {p}, {3 * p}, {1 + p % 3}> >();" for c in (1, 3) for p in SAMPLES]
    return cases + [f"run_concat<join_config<3, {p}, {a}, {b}> >();" for p in SAMPLES for a, b in ((1, 2), (3, 1))]


@pytest.mark.parametrize(("build", "cxx", "stride"), BUILDS)
def test_template_equals_plain_loops(compile_program: Any, build: str, cxx: str, stride: int) -> None:
    """The program compares every element itself; all configurations must have been reached."""
    run_all(compile_program, build, cxx, stride)


def test_counters_as_synthesis_declares_them(compile_program: Any) -> None:
    """Under __SYNTHESIS__ counters are as narrow as what they count, and the checked build stops where one wraps."""
    run_all(compile_program, "checked", "g++", 10, ("__SYNTHESIS__",))


def run_all(compile_program: Any, build: str, cxx: str, stride: int, defines: tuple[str, ...] = ()) -> None:
    """Every so manyth configuration."""
    cases = (block_cases() + whole_cases())[::stride]
    result = compile_program("blocks.cpp", build, cxx, cases, defines).run()
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    configurations, elements = result.stdout.split()[1::2]
    assert int(configurations) == len(cases)
    assert int(elements) >= 2 * len(cases)


CONFIG = "kernel<1, 12, 1, 3, 1, 1, 1, 1>"
ILLEGAL = [
    (f"run_channels<block_config<{CONFIG}, 0, 0, 0, 0, 1, 16> >();", "a row has a whole word"),
    (f"run_channels<block_config<{CONFIG}, 0, 0, 3, 3, 1, 2> >();", "no more words out than in"),
    (f"run_channels<block_config<{CONFIG}, 1, 0, 1, 1, 1, 4> >();", "pixels inside the border"),
]


@pytest.mark.parametrize(("case", "message"), ILLEGAL)
def test_illegal_configuration_is_refused(compile_program: Any, case: str, message: str) -> None:
    """static_assert names what is wrong."""
    with pytest.raises(AssertionError, match=message):
        compile_program("blocks.cpp", "native", "g++", [case])
