"""Environments that some tests need, made on demand and kept: the ``pynq`` package, and numpy on emulated 32-bit ARM.

They live in ``$ISOBIT_TEST_CACHE`` (without it ``~/.cache/isobit-tests``). Where one cannot be made (no network, no
apt, no Debian), the tests that need it are skipped with the reason.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("ISOBIT_TEST_CACHE") or Path.home() / ".cache" / "isobit-tests")
PYNQ = "pynq-4.0.0"
ARM = "armhf-numpy"


class Unavailable(Exception):
    """The environment cannot be made here; the message says why."""


def pynq_python() -> list[str]:
    """The command of a Python with the real ``pynq`` package; without it the test is skipped."""
    return [str(_made(PYNQ, _make_pynq) / "bin" / "python")]


def arm_python() -> list[str]:
    """The command of Debian's 32-bit ARM Python with numpy, under qemu; without it the test is skipped."""
    folder = _made(ARM, _make_arm)
    libraries = folder / "usr" / "lib" / "arm-linux-gnueabihf"
    (python,) = (p for p in (folder / "usr" / "bin").glob("python3.*") if p.suffix[1:].isdigit())
    return [
        str(folder / "qemu-arm-static"), "-L", str(folder),
        "-E", f"LD_LIBRARY_PATH={libraries / 'blas'}:{libraries / 'lapack'}", str(python),
    ]  # fmt: skip


def _made(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of an environment, made once even if several test processes ask at the same time."""
    folder = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            try:
                make(folder)
            except Unavailable as error:
                pytest.skip(f"SKIPPED FOR WANT OF {name}: {error}")
            (folder / "complete").touch()
    return folder


def _make_pynq(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "pynq==4.0.0", "numpy<2"])


def _make_arm(folder: Path) -> None:
    """Unpacks Debian packages beside each other, from where this machine gets its own; nothing is installed."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise Unavailable("apt-get and dpkg are not here")
    apt, native = _private_apt(folder / "apt")
    _run([*apt, "update"])
    _run([*apt, "install", "-y", "--download-only", "python3-numpy"])
    for package in (folder / "apt" / "cache" / "archives").glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(folder)])
    _run([*apt, "download", f"qemu-user-static:{native}"], cwd=folder / "apt")
    for package in (folder / "apt").glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(folder / "apt" / "qemu")])
    shutil.move(folder / "apt" / "qemu" / "usr" / "bin" / "qemu-arm-static", folder)
    shutil.rmtree(folder / "apt")


def _private_apt(folder: Path) -> tuple[list[str], str]:
    """An ``apt-get`` with lists, cache and status of its own for ARM packages, and this machine's architecture."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.MULTILINE))
    if release.get("ID") != "debian":
        raise Unavailable("this is not Debian, whose ARM packages are unpacked here")
    for name in ("state/lists/partial", "cache/archives/partial", "sources"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    source = f"deb [signed-by={keys}] {_mirror()} {release['VERSION_CODENAME']} main\n"
    (folder / "sources" / "debian.list").write_text(source)
    native = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    options = [
        f"Dir::State={folder / 'state'}", f"Dir::State::status={folder / 'status'}", f"Dir::Cache={folder / 'cache'}",
        f"Dir::Etc::sourceparts={folder / 'sources'}", "Dir::Etc::sourcelist=/dev/null", "APT::Architecture=armhf",
        "APT::Architectures::=armhf", f"APT::Architectures::={native}", "APT::Install-Recommends=false",
        "APT::Sandbox::User=root",
    ]  # fmt: skip
    return ["apt-get", "-qq", *[word for option in options for word in ("-o", option)]], native


def _mirror() -> str:
    """Where this machine gets Debian from."""
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    lines = [line for file in files if file.is_file() for line in file.read_text().splitlines()]
    urls = [url for line in lines if not line.startswith("#") for url in re.findall(r"https?://\S+", line)]
    for url in urls:
        if "security" not in url:
            return url
    raise Unavailable("no Debian mirror is configured")


def _run(command: list[str], cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command[:4])} ...: {done.stderr.strip()[-300:]}")
