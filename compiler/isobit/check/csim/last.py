"""What the last C simulation of a build found, kept in the build's folder for the report.

A record depends on the build and the vectors only: it holds counts, no dates and no seconds. Compiling again removes it
with the folder; a record that belongs to another build counts as none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from isobit.build.files import MANIFEST
from isobit.build.folder import Build
from isobit.check.csim.compare import Mismatch
from isobit.check.source.oracles import EndToEnd, OracleRun
from isobit.errors import CheckFailed, IsobitError, printable

if TYPE_CHECKING:
    from isobit.check.csim.result import CsimResult
    from isobit.check.source.verdict import SourceVerdict

CSIM, BOUNDED = "csim.json", "bounded.json"
_F = TypeVar("_F", bound="Callable[..., CsimResult]")


@dataclass(frozen=True)
class RunCounts:
    """One build's simulation: vectors run, outputs compared, how many differed."""

    flavour: str
    vectors: int
    outputs: int
    mismatches: int


@dataclass(frozen=True)
class SourceCounts:
    """The second verdict in numbers; see :class:`isobit.check.source.verdict.SourceVerdict`."""

    exact_outputs: int
    exact_mismatches: int
    float_samples: int
    float_integers: int
    ties: int
    unexplained: int
    note: str
    form: Literal["onnx", "tflite", "exported"] = "onnx"
    oracles: tuple[OracleRun, ...] = ()
    ends: EndToEnd | None = None
    arithmetic: Literal["exact", "float32"] = "exact"


@dataclass(frozen=True)
class Record:
    """A simulation's verdict; ``failure`` is the message of one that stopped by name, ``build`` the manifest's hash."""

    build: str
    verdict: Literal[
        "equal", "equal to exact arithmetic", "equal to float32 arithmetic", "equal to the reference kernels",
        "not equal", "failed",
    ]  # fmt: skip
    runs: tuple[RunCounts, ...] = ()
    mismatch: Mismatch | None = None
    source: SourceCounts | None = None
    failure: str = ""


def recorded(name: str) -> Callable[[_F], _F]:
    """A simulation whose verdict, or failure by name (CheckFailed), is kept as ``name`` in the build's folder.

    One that was interrupted or refused found nothing: the last verdict stands.
    """

    def around(simulation: _F) -> _F:
        @wraps(simulation)
        def run(build: Build, *args: Any, **options: Any) -> CsimResult:
            try:
                result = simulation(build, *args, **options)
            except CheckFailed as error:
                _keep(build, name, Record(build_digest(build), "failed", failure=str(error)))
                raise
            _keep(build, name, record_of(build, result))
            return result

        return cast(_F, run)

    return around


def record_of(build: Build, result: CsimResult) -> Record:
    """The part of a result that depends on inputs only."""
    runs = tuple(RunCounts(r.flavour, r.vectors, r.outputs, r.mismatches) for r in result.runs)
    source = _counts(result.source) if result.source else None
    return Record(build_digest(build), result.verdict, runs, result.mismatch, source)


def read_record(build: Build, name: str) -> Record | None:
    """The record ``name`` of this very build, None when there is none.

    Raises:
        IsobitError: E608 when the file is there and is no record.
    """
    path = build.path / name
    try:
        record = _adapter().validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise IsobitError(
            "E608", f"{name} is not what isobit writes", where=printable(path), hint="run isobit csim again"
        ) from error
    return record if record.build == build_digest(build) else None


def _counts(verdict: SourceVerdict) -> SourceCounts:
    return SourceCounts(
        verdict.exact_outputs, verdict.exact_mismatches, verdict.float_samples, verdict.float_integers,
        len(verdict.ties), len(verdict.unexplained), verdict.note, verdict.form, verdict.oracles, verdict.ends,
        verdict.arithmetic,
    )  # fmt: skip


def build_digest(build: Build) -> str:
    """The manifest's hash: whose verdict a record is."""
    return hashlib.sha256((build.path / MANIFEST).read_bytes()).hexdigest()


# A build on a read-only medium can be simulated all the same: then there is no record.


def keep_record(build: Build, name: str, content: bytes) -> None:
    """Write a record into the build's folder, the whole of it or nothing."""
    partial = build.path / f".{name}.partial"
    with suppress(OSError):
        partial.write_bytes(content + b"\n")
        partial.replace(build.path / name)


def _keep(build: Build, name: str, record: Record) -> None:
    keep_record(build, name, _adapter().dump_json(record, indent=1))


@cache
def _adapter() -> TypeAdapter[Record]:
    """Made when a record is read or kept: it takes longer than to import this module."""
    return TypeAdapter(Record)


def result_json(result: CsimResult) -> dict[str, Any]:
    """Both verdicts as plain data, with every tie."""
    return {
        "equal": result.equal,
        "verdict": result.verdict,
        "runs": [asdict(r) for r in result.runs],
        "mismatch": asdict(result.mismatch) if result.mismatch else None,
        "source": asdict(result.source) | {"equal": result.source.equal} if result.source else None,
    }
