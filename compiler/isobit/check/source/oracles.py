"""Who judged: the oracles that ran or did not, by name and version, and the end-to-end comparison with the source."""

from __future__ import annotations

from dataclasses import dataclass

_BARE = 1000
"""One output in so many may differ from the source's own run where the verdict is a bare EQUAL."""


@dataclass(frozen=True)
class Oracle:
    """One judge of the source.

    ``version`` is "" for isobit's own evaluators and for what is not installed; ``note`` says how it ran, or why not.
    """

    name: str
    version: str = ""
    ran: bool = True
    note: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()


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
        """Whether so few outputs differ that EQUAL needs no addition: at most 0.1 %."""
        return self.differing * _BARE <= self.outputs

    def __str__(self) -> str:
        parts = []
        if self.outputs:
            parts.append(f"{self.equal:,} of {self.outputs:,} outputs equal")
        if self.predictions:
            parts.append(f"{self.predictions_equal:,} of {self.predictions:,} predictions equal")
        return ", ".join(parts) or "nothing that can be compared without a tolerance"
