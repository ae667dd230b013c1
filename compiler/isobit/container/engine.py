"""isobit in a container: the engine, the image, and a run that can touch nothing but one folder.

Docker and Podman take the same commands. The image is built from what this very isobit consists of; its tag is the
version and a hash of everything that goes into it, so that an image is never older than the code that asks for it.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isobit import templates
from isobit.errors import IsobitError, printable
from isobit.version import __version__

ENGINES = ("docker", "podman")
PROJECT = "/project"
PROGRESS = "progress: "
DEFAULT_MEMORY = "4g"
_IMAGE_USER = 10001
_ANSWER_SECONDS, _BUILD_SECONDS, _END_SECONDS = 30, 1800, 30
_KILLED = 137
_MEMORY = re.compile(r"[1-9]\d*[bkmg]")
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """A container engine that answers: its command's path, and ``docker`` or ``podman``."""

    command: str
    name: str


@dataclass(frozen=True)
class Limits:
    """What a run may take: wall seconds, memory as ``4g`` or ``512m`` (no swap), and processes with their threads."""

    seconds: float
    memory: str = DEFAULT_MEMORY
    pids: int = 512

    def __post_init__(self) -> None:
        if not _MEMORY.fullmatch(self.memory):
            raise IsobitError("E703", f"the memory limit {printable(self.memory)!r}", hint="a size such as 512m or 4g")


@dataclass(frozen=True)
class Finished:
    """A run that came to its own end: exit status and what it printed, progress lines left out."""

    status: int
    out: str
    err: str


def find_engine() -> Engine:
    """``$ISOBIT_ENGINE``, else Docker, else Podman: the first that is on the path and answers.

    Raises:
        IsobitError: E701 when none does, with what was tried.
    """
    wanted = os.environ.get("ISOBIT_ENGINE")
    tried = []
    for name in (wanted,) if wanted else ENGINES:
        command = shutil.which(name)
        if command and _answers(command):
            return Engine(command, "podman" if "podman" in Path(command).name else "docker")
        tried.append(f"{printable(name)} {'does not answer' if command else 'is not on the path'}")
    hint = "install Docker or Podman, start its service, or run without --docker"
    raise IsobitError("E701", "; ".join(tried), hint=hint)


def _answers(command: str) -> bool:
    try:
        return (
            subprocess.run([command, "info"], capture_output=True, timeout=_ANSWER_SECONDS, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def find_image(engine: Engine, progress: Progress = lambda _: None) -> str:
    """The tag of the image that holds this isobit; it is built when it is not there (a minute or two, with a network).

    ``$ISOBIT_ENGINE_BUILD`` holds further options of the engine's ``build``.

    Raises:
        IsobitError: E702 when it cannot be built, with the builder's last words.
    """
    with tempfile.TemporaryDirectory(prefix="isobit-image-") as scratch:
        context = Path(scratch)
        recipe = _stage(context)
        tag = f"isobit-csim:{__version__}-{_digest(context)[:12]}"
        found = subprocess.run([engine.command, "image", "inspect", tag], capture_output=True, check=False)
        if found.returncode != 0:
            progress("building the image " + tag)
            options = shlex.split(os.environ.get("ISOBIT_ENGINE_BUILD", ""))
            _build([engine.command, "build", *options, "-f", str(recipe), "-t", tag, scratch], progress)
    return tag


def _stage(context: Path) -> Path:
    """What the image is made of, laid out as in the repository; returns the Dockerfile."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_docker"
    recipes = installed if installed.is_dir() else package.parents[1] / "docker"
    clean = shutil.ignore_patterns("__pycache__", "_templates", "_docker")
    shutil.copytree(package, context / "compiler" / "isobit", ignore=clean)
    shutil.copytree(templates.root(), context / "templates", ignore=clean)
    shutil.copytree(recipes / "csim", context / "docker" / "csim", ignore=clean)
    return context / "docker" / "csim" / "Dockerfile"


def _digest(folder: Path) -> str:
    """A hash of every file's path and bytes."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(f"{path.relative_to(folder).as_posix()}\n{path.stat().st_size}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _build(command: Sequence[str], progress: Progress) -> None:
    lines: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, errors="replace"
    ) as builder:
        limit = threading.Timer(_BUILD_SECONDS, builder.kill)
        limit.start()
        try:
            assert builder.stdout is not None
            for line in builder.stdout:
                lines.append(line.strip())
                progress("building the image: " + printable(line.strip(), 60))
        except BaseException:
            builder.kill()
            raise
        finally:
            limit.cancel()
    if builder.returncode != 0:
        last = printable(" | ".join(line for line in lines[-4:] if line), 400)
        raise IsobitError("E702", last or "no message", hint="the first build needs a network; later runs do not")


def run_contained(
    engine: Engine, image: str, folder: Path, arguments: Sequence[str], limits: Limits,
    progress: Progress = lambda _: None,
) -> Finished:  # fmt: skip
    """``isobit ARGUMENTS`` in a fresh container that sees ``folder`` as :data:`PROJECT`, and nothing else.

    No network, a read-only root, no capabilities, a user without rights, 1 GiB of ``/tmp`` in memory. The container is
    gone when this returns or raises, whatever happens (also Ctrl-C and SIGTERM).

    Raises:
        IsobitError: E703 when a limit of time or memory ended it, E702 when the engine could not start it.
    """
    name = f"isobit-{os.getpid()}-{secrets.token_hex(4)}"
    command = [engine.command, "run", "--name", name, *hardening(engine, folder, limits), image, *arguments]
    progress("running the container")
    try:
        with _limited(engine, name, limits.seconds) as expired:
            finished = _streamed(command, progress)
        if expired.is_set():
            raise _stopped(f"it did not end within {limits.seconds:g} s", "fewer vectors (-n)")
        if _out_of_memory(engine, name) or finished.status == _KILLED:
            # Not every engine says why the kernel killed a process; nobody else is told to.
            raise _stopped(f"it needed more than {limits.memory} of memory", "a larger --memory, or fewer vectors (-n)")
    finally:
        _engine(engine, "rm", "-f", name)
    if finished.status in (125, 126, 127):
        raise IsobitError("E702", printable(finished.err.strip() or f"status {finished.status}", 300))
    return finished


def _stopped(why: str, hint: str) -> IsobitError:
    return IsobitError("E703", why, hint=hint)


def hardening(engine: Engine, folder: Path, limits: Limits) -> list[str]:
    """The options of the engine's ``run`` that shut everything but ``folder`` out."""
    user, group = (os.getuid(), os.getgid()) if os.getuid() else (_IMAGE_USER, _IMAGE_USER)
    own = ["--userns", "keep-id"] if engine.name == "podman" and os.getuid() else []
    return [
        "--user", f"{user}:{group}", *own, "--read-only", "--network", "none", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--memory", limits.memory, "--memory-swap", limits.memory,
        "--pids-limit", str(limits.pids), "--tmpfs", "/tmp:rw,exec,nosuid,nodev,size=1g,mode=1777",
        "--env", "ISOBIT_PROGRESS=1", "--env", "NO_COLOR=1",
        "--mount", f"type=bind,source={folder},target={PROJECT}", "--workdir", PROJECT,
    ]  # fmt: skip


@contextmanager
def _limited(engine: Engine, name: str, seconds: float) -> Iterator[threading.Event]:
    """Kill the container after ``seconds``; the event says whether that was so."""
    expired, over = threading.Event(), threading.Event()

    def expire() -> None:
        expired.set()
        while not over.is_set():  # it may not have started yet
            _engine(engine, "kill", name)
            over.wait(1)

    timer = threading.Timer(seconds, expire)
    timer.start()
    try:
        yield expired
    finally:
        over.set()
        timer.cancel()
        timer.join()


def _streamed(command: Sequence[str], progress: Progress) -> Finished:
    """Run the engine's client in a session of its own: Ctrl-C is ours to handle, the container's end ours to see to."""
    errors: list[str] = []
    with tempfile.TemporaryFile() as out:
        client = subprocess.Popen(
            command, stdout=out, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            assert client.stderr is not None
            for raw in client.stderr:
                line = raw.decode(errors="replace")
                if line.startswith(PROGRESS):
                    progress(printable(line.removeprefix(PROGRESS).strip()))
                else:
                    errors.append(line)
            status = client.wait()
        finally:
            client.kill()
            client.wait()
        out.seek(0)
        return Finished(status, out.read().decode(errors="replace"), "".join(errors))


def _out_of_memory(engine: Engine, name: str) -> bool:
    return _engine(engine, "inspect", "--format", "{{.State.OOMKilled}}", name).strip() == "true"


def _engine(engine: Engine, *arguments: str) -> str:
    """A short command of the engine; what it prints, or "" where it has nothing to say."""
    try:
        done = subprocess.run([engine.command, *arguments], capture_output=True, timeout=_END_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode(errors="replace")
