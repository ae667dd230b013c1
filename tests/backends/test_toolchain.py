"""The flags of a simulation by compiler."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from isobit.backends.toolchain import _FLAGS, flags_of

GCC = "g++ (Debian 12.2.0-14) 12.2.0\nCopyright (C) 2022 Free Software Foundation, Inc."
CLANG = "Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu"


def test_clang_gets_no_name_of_a_pass_of_gcc() -> None:
    native = _FLAGS["native"]
    assert flags_of(native, GCC) == native
    assert flags_of(native, CLANG) == ("-O2", "-march=native", "-DNDEBUG")
    assert flags_of(("-O1", *native[1:]), CLANG) == ("-O3", "-march=native", "-DNDEBUG")
    for flags in _FLAGS.values():
        assert flags_of(flags, GCC) == flags
        assert flags_of(flags, CLANG)[1:] == tuple(flag for flag in flags[1:] if not flag.startswith("-f"))


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("flavour", sorted(_FLAGS))
def test_the_compiler_knows_every_flag(compiler: str, flavour: str) -> None:
    found = shutil.which(compiler)
    if found is None:
        pytest.skip(f"{compiler} is not installed")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    flags = flags_of(_FLAGS[flavour], version)  # type: ignore[index]
    command = [found, "-std=c++14", *flags, "-w", "-x", "c++", "-fsyntax-only", "-"]
    done = subprocess.run(command, input="int main() {}\n", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
