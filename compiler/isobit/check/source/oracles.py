"""Who judged: the oracles that ran or did not, by name and version, and the end-to-end comparison with the source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OracleRun:
    """Another tool that ran the source beside the graph, or why it did not.

    Of ``outputs`` outputs of ``samples`` samples ``mismatches`` differ, from end to end. ``integers`` of the layers
    were compared too, each layer on what the tool itself had below it; ``unexplained`` counts the differences, of
    outputs or layers, that nothing documented explains, and ``first`` names the first. ``note`` says why the tool did
    not run, or what its differences are.
    """

    name: str
    version: str = ""
    samples: int = 0
    outputs: int = 0
    mismatches: int = 0
    integers: int = 0
    unexplained: int = 0
    first: str = ""
    note: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()

    @property
    def ran(self) -> bool:
        """Whether anything was compared with it."""
        return self.samples > 0


@dataclass(frozen=True)
class EndToEnd:
    """What a user sees who runs the source in ``oracle`` and the graph side by side on the same ``samples``.

    ``outputs`` integers were compared, ``equal`` of them are the same; a prediction is the index of the greatest value
    along the channels of an output, the first of equal ones. Outputs that end in the host's float arithmetic have
    predictions, and no integers of their own. ``cause`` says where differences come from.
    """

    oracle: str
    samples: int
    outputs: int
    equal: int
    predictions: int
    predictions_equal: int
    cause: str = "ties"

    @property
    def differing(self) -> int:
        return self.outputs - self.equal

    @property
    def bare(self) -> bool:
        """Whether EQUAL needs no addition: no output differs, and no prediction."""
        return self.equal == self.outputs and self.predictions_equal == self.predictions

    def __str__(self) -> str:
        parts = []
        if self.outputs:
            parts.append(f"{self.equal:,} of {self.outputs:,} outputs equal")
        if self.predictions:
            parts.append(f"{self.predictions_equal:,} of {self.predictions:,} predictions equal")
        return ", ".join(parts) or "nothing that can be compared without a tolerance"
