"""What a C simulation found: the counts of each build, the first wrong element, the source's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isobit.check.csim.compare import Mismatch
from isobit.check.source.verdict import SourceVerdict

Verdict = Literal[
    "equal", "equal to exact arithmetic", "equal to float32 arithmetic", "equal to the reference kernels", "not equal"
]


@dataclass(frozen=True)
class Run:
    """One build's simulation: vectors run, outputs compared, how many differed, compile and run wall seconds."""

    flavour: str
    vectors: int
    outputs: int
    mismatches: int
    compile_seconds: float
    seconds: float


@dataclass(frozen=True)
class CsimResult:
    """Both verdicts. ``equal`` is true when no output differs and every float difference is a listed tie."""

    runs: tuple[Run, ...]
    mismatch: Mismatch | None
    source: SourceVerdict | None

    @property
    def equal(self) -> bool:
        return self.mismatch is None and (self.source is None or self.source.equal)

    @property
    def verdict(self) -> Verdict:
        """Never a bare "equal" where an output or a prediction is not that of the source's own run."""
        if not self.equal:
            return "not equal"
        ends = self.source.ends if self.source else None
        if self.source is None or ends is None or ends.bare:
            return "equal"
        if self.source.form == "tflite":
            return "equal to the reference kernels"
        return "equal to float32 arithmetic" if self.source.arithmetic == "float32" else "equal to exact arithmetic"
