"""What a user should hear of his model, though it compiles."""

from __future__ import annotations

from isobit.build.folder import Build
from isobit.errors import IsobitError
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.untrained import looks_untrained

UNTRAINED = (
    "NOTE: this model looks untrained: every activation quantiser has the range it",
    "  starts with. Train or calibrate it, or load its weights, before it is exported",
)


def notes(build: Build) -> tuple[str, ...]:
    """Lines of at most 80 characters."""
    if build.source.suffix != ".onnx":
        return ()
    try:
        return UNTRAINED if looks_untrained(load_onnx(build.source)) else ()
    except IsobitError:  # a file that is read as a whole, such as one that isobit exported
        return ()
