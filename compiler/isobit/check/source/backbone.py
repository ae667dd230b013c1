"""What of a build its source knows: all but a few-shot head or an argmax, which isobit adds behind its values."""

from __future__ import annotations

from dataclasses import replace

from isobit.build.folder import Build
from isobit.fewshot import without_head, without_output
from isobit.ir import Graph


def backbone(build: Build) -> Build:
    """``build`` with graphs that end as the source does; the build itself where nothing was added."""
    label = build.manifest.source.label

    def ended(graph: Graph) -> Graph:
        return without_output(graph, label) if label else without_head(graph)

    graph = ended(build.graph)
    if graph is build.graph:
        return build
    return replace(build, graph=graph, exact=None if build.exact is None else ended(build.exact))
