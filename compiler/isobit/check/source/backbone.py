"""What of a build its source knows: all but a few-shot head, which isobit adds behind the features."""

from __future__ import annotations

from dataclasses import replace

from isobit.build.folder import Build
from isobit.fewshot import without_head


def backbone(build: Build) -> Build:
    """``build`` with graphs that end at the features, as the source does; the build itself where it has no head."""
    graph = without_head(build.graph)
    if graph is build.graph:
        return build
    return replace(build, graph=graph, exact=None if build.exact is None else without_head(build.exact))
