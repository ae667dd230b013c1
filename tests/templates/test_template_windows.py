"""The streaming units of convolutional networks over legal foldings of small shapes equal plain loops, in every build.

The sliding window also proves its schedule: the declared cycles are exact and its line buffer is the least.
"""

from __future__ import annotations

import random
from dataclasses import astuple, dataclass
from itertools import product
from typing import Any

import pytest

# Build, compiler, and a stride: two builds take every case, the others a share.
BUILDS = [("faithful", "g++", 1), ("checked", "g++", 1), ("native", "g++", 7), ("faithful", "clang++", 9)]
CHANNELS = (1, 2, 3, 4, 6)


def divisors(number: int) -> list[int]:
    """All positive divisors, ascending."""
    return [d for d in range(1, number + 1) if number % d == 0]


FOLDINGS = [(channels, lanes) for channels in CHANNELS for lanes in divisors(channels)]


@dataclass(frozen=True)
class Kernel:
    """A frame and the kernel that slides over it: height, width, kernel, strides, dilations."""

    h: int
    w: int
    kh: int
    kw: int
    sh: int = 1
    sw: int = 1
    dh: int = 1
    dw: int = 1

    @property
    def fits(self) -> bool:
        """Whether the dilated kernel lies inside the frame."""
        return (self.kh - 1) * self.dh < self.h and (self.kw - 1) * self.dw < self.w

    def cpp(self, channels: int, lanes: int, element: str) -> str:
        """The configuration of a sliding window."""
        return f"window_config<kernel<{', '.join(map(str, astuple(self)))}>, {channels}, {lanes}, {element}>"


KERNELS = [
    Kernel(5, 7, 3, 3), Kernel(7, 5, 3, 3, 2, 2), Kernel(6, 6, 2, 2, 2, 2), Kernel(5, 5, 1, 1, 2, 2),
    Kernel(4, 5, 4, 5), Kernel(1, 1, 1, 1), Kernel(7, 1, 3, 1), Kernel(1, 11, 1, 3), Kernel(1, 13, 1, 5, 1, 2),
    Kernel(1, 11, 1, 2, 1, 3), Kernel(5, 7, 2, 1, 3, 4), Kernel(7, 7, 3, 3, 1, 1, 2, 2),
    Kernel(1, 13, 1, 3, 1, 1, 1, 4), Kernel(7, 8, 2, 3, 2, 1, 3, 2), Kernel(3, 11, 1, 4, 4, 1), Kernel(3, 3, 2, 2),
    Kernel(5, 3, 1, 3), Kernel(3, 5, 3, 1), Kernel(6, 5, 2, 1, 1, 3, 1, 3), Kernel(9, 2, 2, 2, 5, 1),
]  # fmt: skip


def random_kernels(count: int) -> list[Kernel]:
    """Legal kernels on frames up to 13 x 13, the same at every run."""
    source = random.Random(3)
    found: list[Kernel] = []
    while len(found) < count:
        h, w = source.choice((1, 2, 3, 5, 7, 11)), source.choice((1, 2, 3, 4, 5, 7, 11, 13))
        strides_and_dilations = (source.randint(1, high) for high in (4, 4, 3, 3))
        kernel = Kernel(h, w, source.randint(1, min(h, 5)), source.randint(1, min(w, 5)), *strides_and_dilations)
        found += [kernel] if kernel.fits else []
    return found


def window_cases(kernels: list[Kernel]) -> list[str]:
    """Each kernel alone, before a dense unit, and before the two units that work channel by channel.

    The foldings and element types take turns; the first kernel takes every folding.
    """
    cases = [f"run_window<{kernels[0].cpp(c, lanes, 'ap_uint<3>')} >();" for c, lanes in FOLDINGS]
    cases += [f"run_channels<{kernels[0].cpp(c, lanes, 'ap_int<4>')} >();" for c, lanes in FOLDINGS]
    for n, kernel in enumerate(kernels):
        element = ("ap_int<4>", "ap_uint<3>", "ap_uint<1>")[n % 3]
        configs = [kernel.cpp(*FOLDINGS[(4 * n + k) % len(FOLDINGS)], element) for k in range(3)]
        out, pe = ((1, 1), (4, 2), (3, 3))[n % 3]
        cases += [f"run_window<{configs[0]} >();", f"run_convolution<{configs[1]}, {out}, {pe}>();"]
        cases.append(f"run_channels<{configs[2]} >();")
    return cases


def frame_cases() -> list[str]:
    """Borders, factors and boxes on square, one-wide and one-high frames; the foldings take turns."""
    shapes = ((3, 5), (1, 4), (5, 1), (1, 1))
    frames = [f"frame_config<{h}, {w}, {c}, {lanes}>" for (h, w), (c, lanes) in product(shapes, FOLDINGS[::2])]
    borders = ((1, 1, 1, 1, 0), (0, 0, 0, 0, 3), (2, 0, 0, 0, -16), (0, 3, 0, 0, 15), (0, 0, 1, 0, -1), (0, 1, 2, 3, 1))
    factors = ((2, 2), (1, 3), (3, 1), (1, 1), (2, 3))
    cases = []
    for n, frame in enumerate(frames):
        border, (factor_h, factor_w) = borders[n % len(borders)], factors[n % len(factors)]
        cases.append(f"run_pad<pad_config<{frame}, {', '.join(map(str, border))}> >();")
        cases.append(f"run_upsample<upsample_config<{frame}, {factor_h}, {factor_w}> >();")
    for n, samples in enumerate((2, 4, 8, 16)):
        frame = f"frame_config<{1 + n % 2}, {2 * samples}, 3, {3 * samples}>"
        for left in (0, 1, samples - 1, samples, samples + 1):
            cases.append(f"run_pad<pad_config<{frame}, 1, 0, {left}, {-left % samples}, {n}> >();")
        cases += [f"run_upsample<upsample_config<{frame}, {2 - n % 2}, {factor}> >();" for factor in (1, 2, 3)]
    boxes = [
        (3, 5, 4, 1, 1, 2, 1, 2, 2, 2), (3, 5, 4, 2, 0, 0, 0, 3, 5, 2), (4, 4, 1, 3, 0, 0, 0, 2, 2, 1),
        (4, 4, 1, 3, 2, 2, 0, 2, 2, 1), (1, 7, 2, 2, 0, 3, 1, 1, 1, 1), (1, 1, 5, 1, 0, 0, 4, 1, 1, 1),
        (3, 2, 2, 1, 0, 0, 0, 3, 2, 2),
    ]  # fmt: skip
    cases += [f"run_slice<slice_config<{', '.join(map(str, box))}> >();" for box in boxes]
    sizes = product((1, 7, 16), (1, 16), (1, 3))
    cases += [f"run_reorder<reorder_config<{', '.join(map(str, size))}> >();" for size in sizes]
    joins = product((1, 5), (1, 3), (1, 2), (3,))
    types = ("ap_uint<3>, ap_int<3>, ap_int<4>", "ap_int<5>, ap_int<2>, ap_int<5>")
    return cases + [f"run_concat<concat_config<{p}, {a}, {b}, {n}, {types[a // 2]}> >();" for p, a, b, n in joins]


PROGRAMS = {"windows.cpp": window_cases(KERNELS), "frames.cpp": frame_cases()}


def run_all(
    compile_program: Any, source: str, build: str, cxx: str, cases: list[str], defines: tuple[str, ...] = ()
) -> None:
    """The program compares every element itself; all configurations must have been reached."""
    result = compile_program(source, build, cxx, cases, defines).run()
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    configurations, elements = result.stdout.split()[1::2]
    assert int(configurations) == len(cases)
    assert int(elements) >= 2 * len(cases)


@pytest.mark.parametrize(("build", "cxx", "stride"), BUILDS)
@pytest.mark.parametrize("source", list(PROGRAMS))
def test_template_equals_plain_loops(compile_program: Any, source: str, build: str, cxx: str, stride: int) -> None:
    """Windows of every kind of kernel, and every movement of a frame."""
    run_all(compile_program, source, build, cxx, PROGRAMS[source][::stride])


@pytest.mark.parametrize("source", list(PROGRAMS))
def test_constants_and_counters_as_synthesis_declares_them(compile_program: Any, source: str) -> None:
    """Under __SYNTHESIS__ constant arrays hold ap_int elements and counters have few bits, which this build checks."""
    run_all(compile_program, source, "checked", "g++", PROGRAMS[source][::10], ("__SYNTHESIS__",))


@pytest.mark.slow
@pytest.mark.parametrize("build", ["faithful", "checked"])
def test_random_kernels_equal_plain_loops(compile_program: Any, build: str) -> None:
    """300 more kernels, three programs each."""
    kernels = random_kernels(300)
    for first in range(0, len(kernels), 50):
        run_all(compile_program, "windows.cpp", build, "g++", window_cases(kernels[first : first + 50]))


FRAME = "frame_config<4, 4, 4, 2>"
ILLEGAL = [
    ("windows.cpp", "run_window<window_config<kernel<5, 5, 3, 3, 1, 1, 1, 1>, 4, 3, ap_int<4> > >();", "LANES divides"),
    ("windows.cpp", "run_window<window_config<kernel<5, 5, 2, 3, 1, 1, 5, 1>, 4, 2, ap_int<4> > >();", "kernel fits"),
    ("windows.cpp", "run_window<window_config<kernel<5, 5, 3, 3, 0, 1, 1, 1>, 4, 2, ap_int<4> > >();", "count from"),
    ("frames.cpp", f"run_pad<pad_config<{FRAME}, 1, 1, 1, 1, 16> >();", "out_t holds VALUE"),
    ("frames.cpp", f"run_pad<pad_config<{FRAME}, 1, 1, 1, 1, -17> >();", "out_t holds VALUE"),
    ("frames.cpp", f"run_pad<pad_config<{FRAME}, 1, -1, 1, 1, 0> >();", "a border adds pixels"),
    ("frames.cpp", f"run_upsample<upsample_config<{FRAME}, 2, 0> >();", "factors count from one"),
    ("frames.cpp", "run_slice<slice_config<4, 4, 2, 2, 1, 0, 0, 4, 4, 2> >();", "the box ends in the frame"),
]


@pytest.mark.parametrize(("source", "case", "reason"), ILLEGAL)
def test_illegal_parameters_do_not_compile(compile_program: Any, source: str, case: str, reason: str) -> None:
    """A wrong configuration ends in the compiler, with its reason, and not on the board."""
    with pytest.raises(AssertionError, match=f"static assertion failed: [^\n]*{reason}"):
        compile_program(source, "native", "g++", [case])


def test_kernels_are_legal_and_varied() -> None:
    """Strides beyond the kernel, kernels as large as the frame, dilation, and frames one pixel wide or high."""
    assert all(k.fits for k in KERNELS)
    assert any(k.sh > k.kh and k.sw > k.kw for k in KERNELS)
    assert any((k.kh, k.kw) == (k.h, k.w) != (1, 1) for k in KERNELS)
    assert any(k.dh > 1 and k.dw > 1 for k in KERNELS)
    assert {1} < {k.h for k in KERNELS} and {1} < {k.w for k in KERNELS}
