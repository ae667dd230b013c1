"""Constants of any size are the integers that they stand for, in C++ as in Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from isobit.backends.hls4ml.constants import function, integer, literal
from isobit.backends.ports import IntType
from isobit.backends.toolchain import ap_types_folder, find_compiler
from isobit.errors import IsobitError

POWERS = (31, 32, 62, 63, 64, 65, 95, 127, 128, 129, 200)
VALUES = sorted({sign * ((1 << bits) + near) for bits in POWERS for near in (-1, 0, 1) for sign in (1, -1)})
HEAD = """#include <cstdio>
#include "ap_int.h"
template <int W, bool S> void print(const ap_int_base<W, S> &x) {
    for (int word = 255; word >= 0; word--)
        std::putchar(bool(word < W ? x[word] : (S && x[W - 1])) ? '1' : '0');
    std::putchar('\\n');
}
"""


def test_every_value_is_itself(tmp_path: Path) -> None:
    twice = [v for v in VALUES for _ in (0, 1)]
    kinds = [kind for v in VALUES for kind in (IntType.of(v, v), IntType.of(min(v, -1), max(v, 0) << 3))]
    shown = [f"print({kind}({literal(v, kind)}));" for v, kind in zip(twice, kinds, strict=True)]
    members = [function(f"f{i}", v, IntType.of(v, v)) for i, v in enumerate(VALUES)]
    shown += [f"print(config::f{i}());" for i in range(len(VALUES))]
    small = [v for v in VALUES if -(1 << 63) <= v < 1 << 63]
    members += [integer(f"n{i}", v) for i, v in enumerate(small)]
    shown += [f"print(ap_int<64>(config::n{i}));" for i in range(len(small))]
    text = HEAD + "struct config {\n" + "\n".join(members) + "\n};\nint main() {\n" + "\n".join(shown) + "\n}\n"
    (tmp_path / "main.cpp").write_text(text, encoding="utf-8")
    command = [find_compiler(), "-std=c++14", f"-isystem{ap_types_folder()}", "main.cpp", "-o", "main"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr[:2000]
    got = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    wanted = [*twice, *VALUES, *small]
    assert [int(line, 2) for line in got] == [v % (1 << 256) for v in wanted]


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1])
def test_a_member_of_more_than_64_bits_is_never_written(value: int) -> None:
    with pytest.raises(IsobitError, match="E901"):
        integer("LO", value)
