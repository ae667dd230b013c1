"""The tapered decoder in C++: every code of every width and run, in every build."""

from __future__ import annotations

from typing import Any

import pytest

from isobit.numerics.formats import Tapered

FORMATS = [Tapered(n, run) for n in range(2, 9) for run in range(1, n)]


def case(made: Tapered) -> str:
    half = 1 << made.bits - 1
    numbers = [made.integer(code % (2 * half)) for code in range(-half, half)]
    name = f"numbers_{made.bits}_{made.run}"
    array = f"const long long {name}[] = {{{', '.join(map(str, numbers))}}};"
    return f"{{ {array} run<{made.bits}, {made.run}, {made.integer_bits}>({name}); }}"


@pytest.mark.parametrize(
    ("build", "defines", "stride"), [("checked", [], 1), ("native", [], 3), ("checked", ["__SYNTHESIS__"], 5)]
)  # fmt: skip
def test_every_code(compile_program: Any, build: str, defines: list[str], stride: int) -> None:
    """Also as the weights of a matrix unit, four neighbouring codes at a time."""
    formats = FORMATS[::stride]
    result = compile_program("tapered.cpp", build, "g++", [case(made) for made in formats], defines).run()
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    assert result.stdout.startswith(f"configurations {len(formats)} ")
    assert int(result.stdout.split()[3]) >= sum(1 << made.bits for made in formats)
