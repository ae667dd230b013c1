"""The AXI4-Lite wrapper of docs/standalone.md, compiled and run on the demo: it gives the graph's integers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import isobit
from isobit import demo, templates
from isobit.interp import run
from tests.cli.runner import ROOT
from tests.docs.blocks import blocks

MAIN = """
#include "top.hpp"
#include <cstdio>
void isobit_lite(ap_uint<8> x[64], ap_int<8> y[10]);
int main() {
  int value;
  ap_uint<8> x[64];
  ap_int<8> y[10];
  while (std::scanf("%d", &value) == 1) {
    x[0] = value;
    for (int i = 1; i < 64; i++) { std::scanf("%d", &value); x[i] = value; }
    isobit_lite(x, y);
    for (int i = 0; i < 10; i++) std::printf("%d ", (int)y[i]);
  }
}
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="NOT TESTED: no g++ on the path")
def test_the_wrapper_gives_the_graphs_integers(tmp_path: Path) -> None:
    build = isobit.compile(demo.MODEL, tmp_path / "build")
    (text,) = [block.text for block in blocks(ROOT / "docs" / "standalone.md") if block.info == "cpp"]
    (build.hls / "lite.cpp").write_text(text)
    (build.hls / "main.cpp").write_text(MAIN)
    sim = templates.root() / "sim"
    words = ["g++", "-std=c++14", "-w", "-I.", f"-I{sim / 'common'}", f"-I{sim / 'native'}"]
    sources = ["lite.cpp", "main.cpp", "top.cpp"]
    subprocess.run([*words, *sources, "-o", "lite"], cwd=build.hls, check=True, timeout=120)
    x = np.random.default_rng(4).integers(0, 32, (3, 64))
    fed = " ".join(map(str, x.reshape(-1)))
    done = subprocess.run(["./lite"], input=fed, cwd=build.hls, capture_output=True, text=True, check=True, timeout=60)
    made = np.array(done.stdout.split(), dtype=np.int64).reshape(3, 10)
    assert np.array_equal(made, run(build.graph, {"n_input": x})["n_output"])
