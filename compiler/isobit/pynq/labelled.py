"""A user's own labelled samples for the board: what the notebook classifies, and what the interpreter gets right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.build.folder import Build
from isobit.check.csim.classes import checked_labels, class_count, classifier, hits, ranking, selected
from isobit.check.csim.predict import real_values
from isobit.check.csim.run import own_samples
from isobit.check.csim.samples import as_integers
from isobit.interp import run

MOST_VALUES = 4_000_000
"""Input elements that go to a board: of more samples the first ones."""


def labelled(build: Build, inputs: Any, labels: Any) -> dict[str, NDArray[Any]]:
    """The arrays of ``samples.npz``: every input by its stream, as the driver's ``run`` takes it, and the labels.

    ``output`` names the output with the classes, ``indices`` says whether it has indices already, ``right`` how many
    the interpreter classifies as labelled.

    Raises:
        IsobitError: E607 where samples or labels do not fit the model.
    """
    node = classifier(build.graph, build.manifest.source.label or None)
    own = own_samples(build.graph, inputs)
    truth = checked_labels(labels, len(next(iter(own.values()))), class_count(build.graph, node))
    size = sum(x[0].size for x in own.values())
    truth = truth[: max(MOST_VALUES // size, 1)]
    integers = {n.name: as_integers(n, own[n.outside][: len(truth)]) for n in build.graph.inputs}
    values = real_values(node, run(build.graph, integers)[node.name])
    streams = {port.node: port.name for port in build.ports}
    given = inputs if isinstance(inputs, Mapping) else {n.outside: inputs for n in build.graph.inputs}
    arrays = {
        streams[n.name]: own[n.outside] if own[n.outside].dtype == np.float32 else np.asarray(given[n.outside])
        for n in build.graph.inputs
    }
    return {name: x[: len(truth)] for name, x in arrays.items()} | {
        "labels": truth, "output": np.array(node.outside),
        "indices": np.array(selected(build.graph, node) is not None),
        "right": np.array(hits(ranking(build.graph, node, values), truth, 1)),
    }  # fmt: skip
