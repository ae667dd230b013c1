"""Every refusal isobit can make: a stable code, what was found, where, and the smallest change that helps.

A user's bad file never shows a traceback: code raises :class:`IsobitError`, the command line prints it and
exits with :attr:`IsobitError.exit_code`. ``CODES`` is the one list; ``docs/errors.md`` is checked against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import partial
from typing import Any

EXIT_EQUAL = 0
EXIT_MISMATCH = 1
EXIT_REFUSED = 2
EXIT_DOES_NOT_FIT = 3
EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141
EXIT_TERMINATED = 143

CODES: dict[str, str] = {
    # E1xx: the file
    "E101": "the model file cannot be read",
    "E102": "the file is not a valid ONNX or TFLite model",
    "E103": "the opset or IR version is not supported",
    "E104": "the graph is not a directed acyclic graph",
    "E105": "external tensor data is missing or lies outside the model's folder",
    "E106": "a shape is dynamic, missing, inconsistent or too large",
    "E107": "a name is used twice or never defined",
    "E108": "an element type is not supported",
    "E109": "the file was changed after isobit exported it",
    # E2xx: what the model says
    "E201": "the operator is not supported",
    "E202": "the operator's attributes are not supported",
    "E203": "a tensor that must be quantised has no quantiser",
    "E204": "a scale, zero point or constant is not a usable number",
    "E205": "the bit width is not supported",
    "E206": "a quantiser parameter is computed at run time",
    "E207": "the rounding mode is unknown",
    "E208": "the real values of two tensors cannot be joined exactly",
    "E209": "the model's input has no quantiser and no declared integer type",
    "E210": "this arithmetic cannot be followed",
    # E3xx: Brevitas
    "E301": "the Brevitas source cannot be loaded",
    "E302": "the Brevitas module cannot be exported",
    "E303": "a package needed for this input is not installed",
    "E304": "the network cannot be trained for short multiplicands",
    "E305": "the training data cannot be used",
    "E306": "the checkpoint cannot be used",
    "E307": "the loss is no longer a number",
    "E310": "the number format cannot be used",
    "E311": "the network cannot be quantised",
    "E312": "the few-shot head cannot be made",
    "E313": "the few-shot evaluation cannot be done",
    "E314": "the argmax cannot be made in the fabric",
    # E4xx: the integer graph
    "E401": "the integer graph is not well formed",
    "E402": "the graph text cannot be parsed",
    # E5xx: plan and hardware
    "E501": "the board is unknown or its file is invalid",
    "E502": "the design does not fit the board",
    "E503": "the plan is not legal for this graph",
    "E504": "the hardware backend has no template for this operation",
    "E505": "a memory cannot lie there",
    "E506": "the plan names a FIFO that the design does not have",
    "E507": "the build cannot be packaged for this board",
    "E508": "the back end is unknown, or has no such option",
    "E509": "the back end cannot do this",
    # E6xx: output and simulation
    "E601": "the output folder cannot be written",
    "E602": "the output folder holds something that is not an isobit build",
    "E603": "this is not an isobit build",
    "E604": "no C++ compiler was found",
    "E605": "the generated C++ does not compile",
    "E606": "the simulation failed",
    "E607": "the input vectors do not fit the model",
    "E608": "the build's files were changed after it was made",
    "E609": "the layer is unknown",
    "E610": "the operating system refused an operation",
    "E611": "the build was made by another version of isobit",
    "E612": "the generated C++ breaks a rule of Vitis HLS",
    "E613": "the argument is unknown or not of its kind",
    "E614": "Verilator is not installed",
    "E615": "the graph cannot be exported in this form",
    "E616": "an exported file does not compute the graph's integers",
    "E617": "Yosys is not installed",
    "E618": "Yosys did not synthesise the RTL",
    "E619": "this is not a project that can be compared",
    "E620": "the vendor's report or the calibration file cannot be read",
    "E621": "the study cannot be used",
    "E622": "no cluster answers",
    "E623": "the mapped netlist is not its RTL",
    "E624": "the compiled C++ predicts other integers than the graph",
    # E8xx: requantizers
    "E801": "a requantizer needs a wider multiplicand",
    "E802": "a requantizer cannot meet the error budget",
    "E803": "the request for short multiplicands is not usable",
    "E804": "the model cannot be refitted",
    # E9xx: isobit itself
    "E901": "isobit's own check of its work failed",
    # E7xx: containers
    "E701": "no container engine was found",
    "E702": "the container cannot be used",
    "E703": "the container hit one of its limits",
}


class IsobitError(Exception):
    """A coded, located refusal.

    Args:
        code: a key of :data:`CODES`.
        message: what was found, in one sentence.
        where: the place in the user's file (node, tensor, path), or ``""``.
        hint: the smallest change that would make it legal, or ``""``.
    """

    exit_code = EXIT_REFUSED

    def __init__(self, code: str, message: str, *, where: str = "", hint: str = "") -> None:
        if code not in CODES:
            raise KeyError(code)
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """All of it, so that another process can raise it here."""
        return partial(type(self), where=self.where, hint=self.hint), (self.code, self.message)

    def __str__(self) -> str:
        lines = [f"{self.code}: {CODES[self.code]}: {self.message}"]
        if self.where:
            lines.append(f"  at: {self.where}")
        if self.hint:
            lines.append(f"  help: {self.hint}")
        return "\n".join(lines)


class DoesNotFit(IsobitError):
    """The design is legal and exact but larger than the board (exit code 3)."""

    exit_code = EXIT_DOES_NOT_FIT


class CheckFailed(IsobitError):
    """A simulation ran and its verdict is a named failure (exit code 1)."""

    exit_code = EXIT_MISMATCH


def promised(holds: bool, message: str, *, where: str = "") -> None:
    """Raise E901 unless ``holds``: a promise that the compiler gives, checked whatever Python's options are.

    Args:
        message: what is wrong, with the counterexample.
        where: the node, and the channel where it has one.

    Raises:
        IsobitError: E901.
    """
    if not holds:
        raise IsobitError("E901", message, where=where, hint="this is a bug of isobit: please report it")


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """A hint: the known name that looks most like ``name``, and all of them where they are few; "" for no names."""
    known = sorted(names)
    close = [f"did you mean {printable(n)!r}?" for n in get_close_matches(str(name), known, 1)]
    listed = ["one of " + ", ".join(map(printable, known))] if 0 < len(known) <= 40 else []
    return " ".join(close + listed)


def printable(name: object, limit: int = 120) -> str:
    """A name from a model file, or a system's error in its own words, safe for a terminal: control characters escaped,
    length bounded."""
    said = name.strerror if isinstance(name, OSError) else "it is no text" if isinstance(name, UnicodeError) else None
    text = str(said or name).encode("unicode_escape").decode("ascii")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def middle_cut(name: str, room: int) -> str:
    """A name in so many characters: its ends tell layers apart."""
    if len(name) <= room:
        return name
    tail = (room - 1) // 2
    return f"{name[: room - 1 - tail]}…{name[-tail:]}"
