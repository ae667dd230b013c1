"""Study files for the tests: ``model.onnx`` beside them at several speeds, scored by its rate; 5 clocks at least."""

from __future__ import annotations

PLAIN = """
from pathlib import Path

parameters = {"target_ii": [5, 10, 3, 20], "kind": ["a", "b"]}
options = {"board": "pynq-z1", "fifos": "least"}

def model(kind):
    return Path(__file__).with_name("model.onnx")

def accuracy(build):
    return build.manifest.estimate.frames_per_second / 1e6
"""

DEADLY = (
    PLAIN
    + '''

import os, signal

MARK = Path(__file__).with_name("killed")
_score = accuracy

def accuracy(build):
    """The first build of 10 clocks that is measured takes its worker along."""
    if build.manifest.estimate.interval == 10 and not MARK.exists():
        MARK.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return _score(build)
'''
)

RANGES = """
from pathlib import Path

parameters = {"max_util": (0.1, 0.6), "target_ii": (8, 24)}
model = str(Path(__file__).with_name("model.onnx"))

def accuracy(build):
    return -float(build.manifest.estimate.interval)
"""
