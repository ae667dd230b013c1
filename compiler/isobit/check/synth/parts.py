"""The parts of a build's RTL that a command is asked for."""

from __future__ import annotations

from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.rtl import Part, parts_of
from isobit.build.folder import Build
from isobit.check.cosim.sources import rtl_sources
from isobit.errors import IsobitError, did_you_mean, printable


def asked_parts(build: Build, layer: str | None) -> tuple[Design, tuple[Part, ...]]:
    """The design with the FIFOs of its RTL, and its parts, or those that make the graph value ``layer``.

    Raises:
        IsobitError: E609 for a layer that has no hardware, E509 for a build without a dataflow design.
    """
    design, texts = rtl_sources(build)
    parts = parts_of(design, build.manifest.board, texts)
    if layer is None:
        return design, parts
    own = tuple(p for p in parts if p.node == layer)
    if not own:
        hint = did_you_mean(layer, sorted({p.node for p in parts if p.node}))
        raise IsobitError("E609", f"{printable(layer)!r} has no hardware of its own", hint=hint)
    return design, own
