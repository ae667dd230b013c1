"""What a user should hear of his model, though it compiles."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from isobit.build.folder import Build
from isobit.errors import IsobitError


def notes(build: Build) -> tuple[str, ...]:
    """Lines of at most 80 characters."""
    if build.source.suffix != ".onnx":
        return ()
    why = _untrained(build.source, build.source.stat().st_mtime_ns)
    if not why:
        return ()
    return (
        "NOTE: this model looks untrained:",
        f"  {why}.",
        "  Train or calibrate it, or load its weights, before it is exported",
    )


@lru_cache(maxsize=8)
def _untrained(source: Path, _changed: int) -> str:
    """Why a file looks untrained, found once for each state of it."""
    from isobit.frontend.onnx.file import load_onnx  # a tenth of what is loaded for a simulation
    from isobit.frontend.untrained import looks_untrained

    try:
        return looks_untrained(load_onnx(source))
    except IsobitError:  # a file that is read as a whole, such as one that isobit exported
        return ""
