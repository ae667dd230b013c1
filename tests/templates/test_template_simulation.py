"""The simulation stand-ins: our ap_int is ap_types' ap_int, and what hardware would suffer from is a named failure."""

from __future__ import annotations

from typing import Any

import pytest

WIDTHS = [
    (1, 2), (2, 3), (4, 4), (5, 8), (7, 9), (8, 16), (13, 17), (16, 16), (15, 33), (24, 8), (31, 32), (32, 32),
    (33, 31), (48, 16), (63, 1), (64, 64),
]  # fmt: skip
SIGNS = [("ap_int", "ap_uint"), ("ap_uint", "ap_uint"), ("ap_int", "ap_int"), ("ap_uint", "ap_int")]


def arithmetic_cases() -> list[str]:
    """Two of the four sign combinations for each pair of widths, in turn."""
    cases = []
    for n, (a, b) in enumerate(WIDTHS):
        for sign_a, sign_b in (SIGNS[n % 4], SIGNS[(n + 2) % 4]):
            type_a, type_b = f"{sign_a}<{a}>", f"{sign_b}<{b}>"
            same_sign = str(sign_a == sign_b).lower()
            cases.append(f'run<{type_a}, {type_b} >("{type_a} {type_b}", {a}, {b}, {same_sign});')
    return cases


def test_native_integers_equal_ap_types(compile_program: Any) -> None:
    """Sums, products, comparisons, casts that wrap, shifts and bit fields, around every corner of each width."""
    cases = arithmetic_cases()
    faithful = compile_program("arithmetic.cpp", "faithful", "g++", cases).run().stdout.splitlines()
    native = compile_program("arithmetic.cpp", "native", "g++", cases).run().stdout.splitlines()
    assert len(faithful) == len(cases)
    assert [(f, n) for f, n in zip(faithful, native, strict=True) if f != n] == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("lossy", "ISOBIT-FAIL kind=lossy layer=second channel=3 value=-40 type=ap_int<6>"),
        ("lossy_depthwise", "ISOBIT-FAIL kind=lossy layer=depthwise channel=3 value=16 type=ap_int<5>"),
        ("index", "ISOBIT-FAIL kind=index layer=sigmoid channel=1 value=5 size=5"),
        ("host", "ISOBIT-FAIL kind=lossy layer=input channel=0 value=16 type=ap_int<5>"),
        ("constant", "ISOBIT-FAIL kind=lossy layer=weights channel=-1 value=4 type=ap_int<3>"),
    ],
)
def test_checked_build_names_layer_and_channel(compile_program: Any, name: str, line: str) -> None:
    """An assignment that would lose bits ends the checked run with status 70."""
    result = compile_program("failures.cpp", "checked").run(name)
    assert (result.returncode, result.stderr) == (70, line + "\n")


@pytest.mark.parametrize("build", ["faithful", "native"])
@pytest.mark.parametrize(("name", "printed"), [("lossy", "12 24 19 31 "), ("host", "-16 last 1")])
def test_unchecked_builds_wrap_alike(compile_program: Any, build: str, name: str, printed: str) -> None:
    """Without the check, what does not fit keeps its low bits: bit-true to the hardware."""
    result = compile_program("failures.cpp", build).run(name)
    assert (result.returncode, result.stdout, result.stderr) == (0, printed, "")


@pytest.mark.parametrize("build", ["faithful", "native"])
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("empty_read", "ISOBIT-FAIL kind=empty-read stream=fc1_out"),
        ("leftover", "ISOBIT-FAIL kind=leftover stream=fc2_out"),
    ],
)
def test_stream_failures_are_named(compile_program: Any, build: str, name: str, line: str) -> None:
    """What would hang or shift data in hardware ends either build with status 70."""
    result = compile_program("failures.cpp", build).run(name)
    assert (result.returncode, result.stderr) == (70, line + "\n")


def test_endless_stream_overflows(compile_program: Any) -> None:
    """A process that never stops writing ends, too."""
    result = compile_program("failures.cpp", "native").run("overflow")
    assert (result.returncode, result.stderr) == (70, "ISOBIT-FAIL kind=overflow stream=endless\n")


def test_stream_is_first_in_first_out_while_it_grows(compile_program: Any) -> None:
    """Every element comes out once and in order, across many growths."""
    total = sum(3 * n for n in range(1, 100))
    result = compile_program("failures.cpp", "native").run("queue")
    assert result.stdout == f"{total} written, {total} read, empty 1"


def test_streams_find_their_memory_again(compile_program: Any) -> None:
    """From the second frame on no stream allocates, however deep the pipeline."""
    result = compile_program("failures.cpp", "native").run("reuse")
    assert result.stdout == "reused 0, then 40 of 40"


@pytest.mark.parametrize("build", ["faithful", "native"])
def test_taps_record_without_disturbing(compile_program: Any, build: str) -> None:
    """Both frames of both streams are recorded; the program reads the streams afterwards and checks them."""
    result = compile_program("failures.cpp", build, "g++", (), ["ISOBIT_TAPS"]).run("taps")
    assert (result.returncode, result.stdout) == (0, "flags 0 1;words -8 7 0 -1 -8 7 0 -1;")
