"""Claims about modules of the RTL, for Yosys' SAT solver.

A claim is a module with an output ``equal``, which is to be true for all inputs. Its pipeline has no feedback, so with
an input that stands still every register may be a wire (``templates/synth/registers.v``).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from isobit import templates
from isobit.build.files import write_files
from isobit.check.synth.yosys import Yosys, YosysTimeout

PROVEN, WRONG = "no model found: SUCCESS", "model found: FAIL"
_RESULT = re.compile(
    rf"ISOBIT-PROOF (\S+)\n(?:(?!ISOBIT-PROOF).)*?({PROVEN}|{WRONG}|Interrupted)(.*?)(?=ISOBIT-PROOF|\Z)", re.DOTALL
)
"""A claim's name, its verdict, and what follows; never the verdict of the claim behind it."""


def answers(
    names: Sequence[str], texts: Mapping[str, str], yosys: Yosys, limit: float, *, shown: bool = False, cut: int = 0,
    parameters: Iterable[tuple[str, int]] = (),
) -> dict[str, tuple[str, str]]:  # fmt: skip
    """By module, verdict and what the solver says of a counterexample; what has no answer within ``limit`` is left out.

    Args:
        names: the modules; ``texts``: all sources, by file name.
        shown: the value of a claim's input ``acc`` in a counterexample.
        cut: how many multipliers there must be, each of which may then give any word; 0 leaves them.
        parameters: of the modules.

    Raises:
        IsobitError: E618 when Yosys refuses the sources.
    """
    if limit <= 0:
        return {}
    folder = templates.root() / "synth"
    sources = sorted(name for name in texts if name.endswith(".sv"))
    script = templates.environment(folder).get_template("prove.ys.j2").render(
        names=names, sources=sources, shown=shown, cut=cut, parameters=list(parameters)
    )  # fmt: skip
    whole = {**texts, "prove.ys": script, "registers.v": (folder / "registers.v").read_text(encoding="utf-8")}
    with tempfile.TemporaryDirectory(prefix="isobit-prove-") as scratch:
        write_files(Path(scratch), {name: text.encode("utf-8") for name, text in whole.items()})
        try:
            text = yosys.run("prove.ys", Path(scratch), limit)
        except YosysTimeout:
            return {}
    return {name: (verdict, after) for name, verdict, after in _RESULT.findall(text) if verdict != "Interrupted"}
