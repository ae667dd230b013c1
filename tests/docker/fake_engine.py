"""A container engine that is none: it writes down what it is told and runs isobit right here.

The environment says what it does: ``FAKE_LOG`` names the file of its command lines (JSON, one a line), ``FAKE_BUILD``
the status of a build, ``FAKE_RUN`` what a container does: ``isobit``, ``hang``, ``link`` (run, then leave a link in the
build), ``oom`` or ``125``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

LOG = Path(os.environ["FAKE_LOG"])
RUN = os.environ.get("FAKE_RUN", "isobit")


def value(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def run(words: list[str]) -> int:
    """The container named after ``--name``; its process id is kept in a file."""
    (LOG.parent / value(words, "--name")).write_text(str(os.getpid()))
    if RUN == "hang":
        print("progress: waiting", file=sys.stderr, flush=True)
        time.sleep(600)
    if RUN in ("oom", "125"):
        print("the engine's own words", file=sys.stderr)
        return 137 if RUN == "oom" else 125
    (mount,) = (dict(p.split("=") for p in w.split(",")) for w in words if w.startswith("type=bind"))
    image = next(i for i, word in enumerate(words) if word.startswith("isobit-csim:"))
    inside = [word.replace(mount["target"], mount["source"]) for word in words[image + 1 :]]
    env = os.environ | {"ISOBIT_PROGRESS": "1", "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, "-m", "isobit.cli", *inside], env=env, capture_output=True, check=False)
    for text, stream in ((done.stdout, sys.stdout), (done.stderr, sys.stderr)):
        stream.write(text.decode().replace(mount["source"], mount["target"]))
    if RUN == "link":
        (Path(mount["source"]) / "build" / "hls" / "passwd").symlink_to("/etc/passwd")
    return done.returncode


def build(words: list[str]) -> int:
    context = Path(words[-1])
    files = sorted(p.relative_to(context).as_posix() for p in context.rglob("*") if p.is_file())
    (LOG.parent / "context.json").write_text(json.dumps(files))
    print("Step 1/2 : FROM python\nno route to host")
    status = int(os.environ.get("FAKE_BUILD", "0"))
    if status == 0:
        (LOG.parent / value(words, "-t").replace(":", "_")).touch()
    return status


def end(name: str) -> int:
    pid = LOG.parent / name
    try:
        os.kill(int(pid.read_text()), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return 1
    return 0


def main(words: list[str]) -> int:
    with LOG.open("a") as log:
        log.write(json.dumps(words) + "\n")
    match words:
        case ["info"]:
            return 0
        case ["image", "inspect", tag]:
            return 0 if (LOG.parent / tag.replace(":", "_")).exists() else 1
        case ["build", *rest]:
            return build(rest)
        case ["run", *rest]:
            return run(rest)
        case ["kill", name] | ["rm", "-f", name]:
            return end(name)
        case ["inspect", "--format", _, _]:
            print("true" if RUN == "oom" else "false")
            return 0
    return 1


sys.exit(main(sys.argv[1:]))
