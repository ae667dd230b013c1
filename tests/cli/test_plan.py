"""``isobit plan``: the plan it writes is built, its refusals help, its picture is the same twice."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from backends.dataflow.sampled_nets import Net as Sampled

from isobit import demo
from isobit.api.planning import seconds
from isobit.backends.dataflow.optimal.search import Search
from isobit.backends.dataflow.planner import PlanRequest, plan_for, print_plan, read_plan
from isobit.backends.dataflow.whole import whole_design
from isobit.errors import IsobitError
from isobit.hardware import load_board
from isobit.hardware.counted import bars
from tests.cli.runner import isobit, small_model
from tests.onnx_builder import Net

pytest.importorskip("ortools", reason="the extra `plan` is not installed")
pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")


def planned(*args: object) -> dict[str, object]:
    """What ``isobit plan --json`` says of the demo model."""
    done = isobit("plan", demo.MODEL, *args, "--json")
    assert done.status == 0, done.err
    content = json.loads(done.out)
    assert isinstance(content, dict)
    return content


def test_compile_builds_what_was_planned(tmp_path: Path) -> None:
    found = planned("--target-ii", 300, "--minimise", "dsp", "-o", tmp_path / "plan.toml")
    words = ["--plan", tmp_path / "plan.toml", "--target-ii", 300, "--json"]
    built = json.loads(isobit("compile", demo.MODEL, "-o", tmp_path / "build", *words).out)
    assert built["interval"] == found["interval"] and built["latency"] == found["latency"]
    used = {r["name"].lower(): r["used"] for r in built["resources"]}
    assert used == found["cost"]
    errors = {r["name"].lower(): r["error"] for r in built["resources"] if r["error"]}
    assert errors == found["error"] == {name.lower(): asdict(made) for name, made in bars().items()} and "lut" in errors
    assert found["gap"] == 0 and found["total"] == found["bound"]


def test_what_is_said_of_the_plan_builds_it(tmp_path: Path) -> None:
    """512 inputs of 8 bits are 64 words of 64: a target of 40 clocks needs a wider port."""
    net = Sampled(512, bits=8)
    graph, path = net.graph(net.dense(net.head, 2)), tmp_path / "plan.toml"
    found = Search(graph, load_board("kv260"), PlanRequest(0.9, 40)).best()
    assert found is not None and found.whole.interval <= 40
    path.write_text(print_plan(found.plan))
    fixed = read_plan(path).layers
    alone = plan_for(graph, load_board("kv260"), PlanRequest(layers=fixed), whole_design)
    assert whole_design(graph, alone, PlanRequest()).interval > 40
    again = PlanRequest(0.9, found.whole.interval, fixed)
    assert whole_design(graph, plan_for(graph, load_board("kv260"), again, whole_design), again) == found.whole
    words = ["plan", demo.MODEL, "--target-ii", 300, "--max-util", 0.5, "-o", path, "--fifos", "least"]
    said = isobit(*words).out.splitlines()[-1].split(" takes it")[0].split()
    interval = planned("--target-ii", 300, "--max-util", 0.5, "--fifos", "least")["interval"]
    assert said[-6:] == ["--target-ii", str(interval), "--max-util", "0.5", "--fifos", "least"]
    options = ["--plan", path, *said[-6:], "--board", "pynq-z1", "--json"]
    assert json.loads(isobit("compile", demo.MODEL, "-o", tmp_path / "build", *options).out)["interval"] == interval


def test_the_verdict_comes_first_and_names_are_cut(tmp_path: Path) -> None:
    done = isobit("plan", small_model(tmp_path), "--board", "kv260", "--front", 4, "-o", tmp_path / "p.toml")
    lines = done.out.splitlines()
    assert done.status == 0 and lines[0].endswith("frames/s at 250 MHz on AMD Kria KV260")
    assert "proven: no layers of this interval have less area" in lines
    assert max(len(line) for line in lines if "─" in line or "x" in line.split("  ")[-1]) <= 80
    assert "front (FIFOs by the width of their words)" in done.out and "takes it" in lines[-1]


def test_the_same_picture_twice(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg", "c.png"):
        assert isobit("plan", demo.MODEL, "--front", 3, "--plot", tmp_path / name).status == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_another_plan_costs_what_both_plans_say(tmp_path: Path) -> None:
    old = planned("--target-ii", 2000, "-o", tmp_path / "old.toml")
    new = planned("--target-ii", 200, "-o", tmp_path / "new.toml")
    both = ["--diff", tmp_path / "old.toml", tmp_path / "new.toml"]
    found = json.loads(isobit("plan", demo.MODEL, *both, "--json").out)
    assert found["old"]["cost"] == old["cost"] and found["new"]["layers"] == new["layers"]
    shown = isobit("plan", demo.MODEL, *both).out.splitlines()
    costs = [old["cost"], new["cost"]]
    change = [costs[1][k] - costs[0][k] for k in ("lut", "dsp", "bram36", "uram")]  # type: ignore[index]
    assert shown[-1].split()[2:] == [f"{n:+g}" if n else "0" for n in change]
    assert not isobit("plan", demo.MODEL, "--diff", tmp_path / "new.toml", tmp_path / "new.toml").out.count("->") > 1


def test_a_layer_that_is_too_slow_is_named_with_the_clock_that_would_do(tmp_path: Path) -> None:
    net, rng = Net(["N", 1, 8, 8]), np.random.default_rng(0)
    weights = net.quant(rng.normal(size=(4, 1, 3, 3)), 0.2, 0.0, 4)
    net.quant(net.op("Relu", net.op("Conv", net.quant("x", 0.1, 0.0, 4), weights, kernel_shape=[3, 3])), 0.3, 0.0, 4)
    model = net.save(tmp_path)
    done = isobit("plan", model, "--target-ii", 1)
    assert done.status == 2 and re.search(r"takes at least \d+ clocks per frame, [\d.]+ times the 1", done.err)
    (least,) = re.findall(r"--target-ii (\d+)", done.err)
    assert least == "16"
    assert isobit("plan", model, "--target-ii", least).status == 0


def test_a_frame_a_clock_and_no_more() -> None:
    large = ("--board", "alveo-u250", "--clock", "100", "--max-util", 1)
    assert isobit("plan", demo.MODEL, "--target-fps", 100_000_000, *large).status == 0
    done = isobit("plan", demo.MODEL, "--target-fps", 100_000_001, *large)
    assert done.status == 2 and "E503" in done.err and "more than one a clock of 100 MHz" in done.err


@pytest.mark.parametrize(("share", "clocks"), [(0.1, 40), (0.05, 100)])
def test_what_does_not_fit_says_by_how_much_where_and_what_helps(share: float, clocks: int) -> None:
    done = isobit("plan", demo.MODEL, "--max-util", share, "--target-ii", clocks)
    assert done.status == 3 and re.search(rf"{share:.0%} of Digilent PYNQ-Z1", done.err)
    assert re.search(r"at: \S+", done.err)
    offered = {o: v for o in ("--target-ii", "--max-util", "--board") for v in re.findall(rf"{o} ([\w.-]+)", done.err)}
    assert {"--target-ii", "--max-util"} <= set(offered)
    for option, value in offered.items():
        words = {"--max-util": share, "--target-ii": clocks} | {option: value}
        if option == "--board":
            words["--target-ii"] = 2 * clocks  # the larger board's clock is twice this one's
        assert isobit("plan", demo.MODEL, *(w for pair in words.items() for w in pair)).status == 0, option


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--minimise", "watts"], "E613: .*minimise = 'watts'"),
        (["--latency", "3"], "E613: .*latency = '3'"),
        (["--latency", "1ns"], "E503: .*clocks from a frame's first word to its last"),
        (["--plot", "front.pdf"], r"E613: .*\.svg or \.png"),
        (["--board", "nowhere"], "E501"),
    ],
)
def test_wrong_arguments_are_refused(args: list[str], message: str) -> None:
    done = isobit("plan", demo.MODEL, *args)
    assert done.status == 2 and re.search(message, done.err, re.DOTALL)


def test_durations_are_exact() -> None:
    assert seconds("1ms") * 1000 == 1 and seconds("2.5us") * 400_000 == 1 and seconds("3s") == 3
    with pytest.raises(IsobitError, match="E613"):
        seconds("0ms")
