"""Simulation of C++ and RTL, and compilation, in a container: what goes in, what comes back, the refusals of outside.

Inputs are copied into a folder that the container alone sees, results are copied out of it: no path of yours is
mounted. A link that the container leaves behind is never followed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from isobit.backends.toolchain import COMPILE_TIMEOUT
from isobit.build.files import MANIFEST, atomic_folder
from isobit.build.folder import Build, load_build
from isobit.check.cosim.result import CosimResult
from isobit.check.cosim.run import DEFAULT_FRAMES
from isobit.check.csim.last import BOUNDED, CSIM, recorded
from isobit.check.csim.result import CsimResult
from isobit.check.csim.run import DEFAULT_TIMEOUT
from isobit.check.csim.samples import SampleForm
from isobit.check.csim.vectors import archive_member
from isobit.check.source.level import OrtLevel
from isobit.container.engine import PROJECT, Finished, Limits, Progress, find_engine, find_image, run_contained
from isobit.errors import (
    CODES,
    EXIT_DOES_NOT_FIT,
    EXIT_EQUAL,
    EXIT_MISMATCH,
    CheckFailed,
    DoesNotFit,
    IsobitError,
    printable,
)

_COMPILE_SECONDS = 3600.0
_RUNS = 4  # simulations of one csim at most: two flavours, the failing sample tapped, taps
_REFUSAL = re.compile(r"^(E\d{3}): (.*?)(?:\n  at: (.*?))?(?:\n  help: (.*?))?\s*\Z", re.MULTILINE | re.DOTALL)
_T = TypeVar("_T")
_RESULT, _COSIM = TypeAdapter(CsimResult), TypeAdapter(CosimResult)


@dataclass(frozen=True)
class CsimOptions:
    """What ``isobit csim`` is asked for; see its options. ``frames`` above 0 asks for the bounded simulation."""

    inputs: Path | None = None
    vectors: int | None = None
    checked: bool = False
    source: bool = True
    frames: int = 0
    compiler: str | None = None
    seed: int = 0
    timeout: float = DEFAULT_TIMEOUT
    taps: Path | None = None
    samples: SampleForm | None = None
    ort_level: OrtLevel = "disabled"

    @property
    def seconds(self) -> float:
        """How long the whole may take: compilation, every simulation, the comparison with the source."""
        return 2 * COMPILE_TIMEOUT + _RUNS * self.timeout


def csim_contained(build: Build, options: CsimOptions, memory: str, progress: Progress = lambda _: None) -> CsimResult:
    """:func:`isobit.check.csim.run.csim` (or its bounded sibling) in a container: same verdict, same refusals.

    Raises:
        IsobitError: what csim raises, E701 to E703 for the engine, the image and the limits, E601 for the taps.
    """
    name = BOUNDED if options.frames else CSIM
    return recorded(name)(_csim)(build, options, memory, progress)


def _csim(build: Build, options: CsimOptions, memory: str, progress: Progress) -> CsimResult:
    with _folder() as folder:
        _copy_build(build, folder / "build")
        arguments = _csim_arguments(options)
        if options.inputs:
            arguments += ["--inputs", _put_vectors(options.inputs, folder, "inputs")]
        finished = _run(folder, arguments, Limits(options.seconds, memory), {"build": build.path}, progress)
        result = _read(finished, _RESULT, ("equal", "verdict"))
        if options.taps:
            _take(folder / "taps.npz", options.taps)
    return result


def _csim_arguments(options: CsimOptions) -> list[str]:
    words = ["csim", f"{PROJECT}/build", "--json", "--seed", str(options.seed), "--timeout", str(options.timeout)]
    words += ["--vectors", str(options.vectors)] if options.vectors else []
    words += ["--checked"] if options.checked else []
    words += [] if options.source else ["--no-source"]
    words += ["--ort-level", options.ort_level] if options.ort_level != "disabled" else []
    words += ["--bounded", "--frames", str(options.frames)] if options.frames else []
    words += ["--compiler", options.compiler] if options.compiler else []
    words += ["--samples", options.samples] if options.samples else []
    return words + (["--taps", f"{PROJECT}/taps.npz"] if options.taps else [])


def _read(finished: Finished, kind: TypeAdapter[_T], derived: Sequence[str]) -> _T:
    """The verdict that was printed; ``derived`` are its properties, which follow from the rest."""
    try:
        content = json.loads(finished.out)
        for name in derived:
            content.pop(name)
        if content.get("source"):
            content["source"].pop("equal")
        return kind.validate_python(content)
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise IsobitError("E702", f"its verdict cannot be read: {printable(error)}") from error


@dataclass(frozen=True)
class CosimOptions:
    """What ``isobit cosim`` is asked for; see its options."""

    frames: int = DEFAULT_FRAMES
    stall: bool = False
    seed: int = 0
    compiler: str | None = None
    timeout: float = DEFAULT_TIMEOUT


def cosim_contained(
    build: Build, options: CosimOptions, memory: str, progress: Progress = lambda _: None
) -> CosimResult:  # fmt: skip
    """:func:`isobit.check.cosim.run.cosim` in a container: same verdict, same refusals.

    Raises:
        IsobitError: what cosim raises, E701 to E703 for the engine, the image and the limits.
    """
    words = ["cosim", f"{PROJECT}/build", "--json", "-n", str(options.frames), "--seed", str(options.seed)]
    words += ["--timeout", str(options.timeout)] + (["--stall"] if options.stall else [])
    words += ["--compiler", options.compiler] if options.compiler else []
    limits = Limits(2 * COMPILE_TIMEOUT + 2 * options.timeout, memory)
    with _folder() as folder:
        _copy_build(build, folder / "build")
        finished = _run(folder, words, limits, {"build": build.path}, progress)
    return _read(finished, _COSIM, ("equal",))


def compile_contained(
    model: str, output: Path, options: Mapping[str, object], memory: str, progress: Progress = lambda _: None,
) -> Build:  # fmt: skip
    """``isobit compile`` of a model file in a container.

    Args:
        model: the file; its tensors lie in it or in ``MODEL.data`` beside it, as PyTorch writes them.
        options: what else the command line says: ``{"--board": "zcu104", "--plan": Path("plan.toml")}``. Files of the
            user's are copied in.

    Raises:
        IsobitError: what a compilation raises, E701 to E703 for the engine, the image and the limits.
    """
    path = Path(model)
    if not path.is_file() and ":" in model:
        hint = "a Brevitas module needs torch: export it to QONNX, or compile without --docker"
        raise IsobitError("E101", "--docker takes a model file", where=printable(model), hint=hint)
    if not path.is_file():
        raise IsobitError("E101", "there is no such file", where=printable(model))
    with _folder() as folder:
        (folder / "model").mkdir()
        words = ["compile", _put(path, folder, f"model/{path.name}"), "-o", f"{PROJECT}/build"]
        tensors = path.with_name(path.name + ".data")
        if tensors.is_file():
            _put(tensors, folder, f"model/{tensors.name}")
        words += [word for option, value in options.items() for word in _words(option, value, folder)]
        names = {f"model/{path.name}": path, "build": output}
        _run(folder, words, Limits(_COMPILE_SECONDS, memory), names, progress)
        load_build(folder / "build")
        with atomic_folder(output) as work:
            for name in _plain_files(folder / "build"):
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / "build" / name, work / name)
    return load_build(output)


def _words(option: str, value: object, folder: Path) -> list[str]:
    """An option as the container sees it: flags alone, the user's files by their copies."""
    if isinstance(value, bool):
        return [option] if value else []
    if isinstance(value, Path) or str(value).endswith(".toml"):
        return [option, _put_vectors(Path(str(value)), folder, option.strip("-"))]
    return [option, str(value)]


def _run(
    folder: Path, arguments: Sequence[str], limits: Limits, names: Mapping[str, Path], progress: Progress
) -> Finished:
    """Run to a verdict, or raise what the command refused with; ``names`` are the user's paths of what is inside."""
    engine = find_engine()
    finished = run_contained(engine, find_image(engine, progress), folder, arguments, limits, progress)
    if finished.status == EXIT_EQUAL or (finished.status == EXIT_MISMATCH and finished.out):
        return finished
    text = finished.err
    for inside, outside in names.items():
        text = text.replace(f"{PROJECT}/{inside}", printable(outside))
    raise _refusal(text, finished.status)


def _refusal(text: str, status: int) -> IsobitError:
    """The error that the command printed, as the exception it was."""
    match = _REFUSAL.search(text)
    if match is None or match[1] not in CODES:
        return IsobitError("E702", printable(text.strip() or f"status {status}", 300))
    kind = {EXIT_MISMATCH: CheckFailed, EXIT_DOES_NOT_FIT: DoesNotFit}.get(status, IsobitError)
    message = match[2].removeprefix(f"{CODES[match[1]]}: ")
    return kind(match[1], message, where=match[3] or "", hint=match[4] or "")


@contextmanager
def _folder() -> Iterator[Path]:
    """The folder that becomes :data:`PROJECT`: the container's user may write there, nobody else may look in."""
    with tempfile.TemporaryDirectory(prefix="isobit-project-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) / "project"
        folder.mkdir()
        folder.chmod(0o777)
        yield folder


def _put(source: Path, folder: Path, name: str) -> str:
    """Copy a file of the user's in; returns its path inside."""
    try:
        shutil.copyfile(source, folder / name)
    except OSError as error:
        raise IsobitError("E610", printable(error.strerror or error), where=printable(source)) from error
    (folder / name).chmod(0o644)
    return f"{PROJECT}/{name}"


def _put_vectors(path: Path, folder: Path, stem: str) -> str:
    """:func:`_put` of a file, or of one array of a file."""
    file, member = archive_member(path)
    copied = _put(file, folder, stem + file.suffix)
    return f"{copied}:{member}" if member else copied


def _copy_build(build: Build, target: Path) -> None:
    """What the manifest lists, and the manifest.

    Raises:
        IsobitError: E608 when it lists a place outside the build.
    """
    for name in (MANIFEST, *build.manifest.files):
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise IsobitError("E608", f"{printable(name)} lies outside", where=printable(build.path))
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(build.path / name, target / name)


def _plain_files(folder: Path) -> list[str]:
    """Every file below, by relative path.

    Raises:
        IsobitError: E702 when there is anything but plain files and folders.
    """
    found = []
    for place, folders, files in os.walk(folder):
        paths = [Path(place, name) for name in (*folders, *files)]
        if any(p.is_symlink() or not (p.is_dir() or p.is_file()) for p in paths):
            raise IsobitError("E702", "the container left something that is no plain file")
        found += [p.relative_to(folder).as_posix() for p in paths if p.is_file()]
    return sorted(found)


def _take(made: Path, target: Path) -> None:
    """Copy one file out."""
    if made.is_symlink() or not made.is_file():
        raise IsobitError("E702", "the container left no plain file")
    try:
        shutil.copyfile(made, target)
    except OSError as error:
        raise IsobitError("E601", printable(error.strerror or error), where=printable(target)) from error
