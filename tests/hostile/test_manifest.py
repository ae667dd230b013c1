"""A manifest that somebody edited: every command ends in a coded refusal or in success, whatever was done to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobit.backends.toolchain import find_compiler
from isobit.build.folder import load_build
from isobit.check.csim import clocks
from isobit.errors import IsobitError
from tests.cli.runner import isobit, rehash, small_model

Place = tuple[str | int, ...]
GONE = object()
VALUES: tuple[Any, ...] = (
    GONE, None, True, False, -1, 0, 1, 2, 7, 1.5, 2**63, -(2**63) - 1, 10**400, 1e308, float("nan"), float("inf"), "",
    "x", "../../x", "/etc/passwd", "hls/../../x", "\x1b[2J", "\ud800", "1/0", "0" * 64, [], [[]], [1, 2], {}, {"x": 1},
)  # fmt: skip
COMMANDS = (("report",), ("report", "--json"), ("fifos",), ("explain",), ("show",), ("verify",), ("lint",))
BUDGET = {
    "step": "n_3_Quant", "bits": 3, "reachable": 90, "wrong": 4, "share": "2/45", "worst": 1, "seen": 10,
    "seen_wrong": 1, "seen_share": "1/10",
}  # fmt: skip
REFIT = {
    "bits": 3, "left": ["n_3_Quant: no room"],
    "layers": [{"layer": "n_1_MatMul", "weights": 12, "changed": 1, "mean": 0.1, "most": 0.5}],
    "scales": [{"name": "n_3_Quant", "before": 0.7, "after": 0.75, "ratio": 1.07}],
}  # fmt: skip


class Bench:
    """One build whose manifest is replaced again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.build = folder, folder / "build"
        assert isobit("compile", small_model(folder), "-o", self.build).status == 0
        self.manifest = json.loads((self.build / "manifest.json").read_text(encoding="utf-8"))
        self.manifest |= {"budget": [BUDGET], "source": self.manifest["source"] | {"refit": REFIT}}
        self.places = sorted(set(_places(self.manifest)), key=str)
        self.clock = clocks.compiled_clock(folder, find_compiler())

    def write(self, place: Place, value: Any) -> bool:
        """The manifest with one entry replaced or gone; whether a build can still be loaded."""
        text = json.dumps(_replaced(self.manifest, place, value))
        (self.build / "manifest.json").write_text(text, encoding="utf-8")
        try:
            load_build(self.build)
        except IsobitError as error:
            assert error.code in {"E603", "E608", "E611"} and str(self.build) in error.where, (place, value)
            return False
        return True

    def every_command_ends_well(self, place: Place, value: Any) -> None:
        package = ("package", self.build, "-o", self.folder / "package")
        for command in (package, *((name, self.build, *options) for name, *options in COMMANDS)):
            done = isobit(*command)
            if command[0] == "lint" and done.status == 1:  # a file that the manifest no longer lists is a finding
                assert done.out.endswith("findings\n") and done.err == ""
                continue
            assert (done.status, done.err) == (0, "") or (done.status in (2, 3) and done.err[:2] in ("E5", "E6")), (
                place, value, command, done,
            )  # fmt: skip


def _places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Every entry; of a list the first and the last."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        if not isinstance(value, list) or key in (0, len(value) - 1):
            yield (*here, key)
            yield from _places(inner, (*here, key))


def _replaced(manifest: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    changed = deepcopy(manifest)
    parent: Any = changed
    for key in place[:-1]:
        parent = parent[key]
    if value is GONE:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    return changed


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("manifest"))


@pytest.fixture(autouse=True)
def _compiled_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "compiled_clock", lambda *_: bench.clock)


def test_the_manifest_as_it_is_serves_every_command(bench: Bench) -> None:
    assert bench.write(("isobit",), "1.0")
    bench.every_command_ends_well(("isobit",), "1.0")


def test_whatever_is_replaced_is_refused_or_harmless(bench: Bench) -> None:
    tried = [(p, v) for i, p in enumerate(bench.places) for v in (GONE, *VALUES[i % 3 :: 3])]
    loaded = [(p, v) for p, v in tried if bench.write(p, v)]
    assert len(bench.places) > 100 and 0 < len(loaded) < len(tried) / 4
    spared = {
        p for p, v in loaded if v is GONE and isinstance(p[-1], str) and p[0] not in ("board", "files", "versions")
    }
    assert spared == {("budget",), ("source", "refit")}


@settings(max_examples=80)
@given(st.data())
def test_commands_on_a_manifest_that_still_loads(bench: Bench, data: st.DataObject) -> None:
    place, value = data.draw(st.sampled_from(bench.places)), data.draw(st.sampled_from(VALUES))
    if bench.write(place, value):
        bench.every_command_ends_well(place, value)


@pytest.mark.slow
def test_commands_on_every_manifest_that_still_loads(bench: Bench) -> None:
    for place in bench.places:
        for value in VALUES:
            if bench.write(place, value):
                bench.every_command_ends_well(place, value)


@pytest.mark.parametrize("place", [("source", "input_type"), ("source", "input_scale"), ("source", "name")])
@pytest.mark.parametrize("value", ["", "x", "UINT99", "../../x", "1/0"])
def test_simulating_a_build_of_another_source(bench: Bench, place: Place, value: str) -> None:
    if bench.write(place, value):
        done = isobit("csim", bench.build, "-n", 2)
        assert done.status in (0, 1) or (done.status == 2 and done.err.startswith("E2")), (place, value, done)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("files", "../../x"), "0" * 64), (("files", "graph.txt"), GONE), (("files", "hls/top.cpp"), GONE),
        (("files", "design.json"), GONE), (("estimate", "interval"), 0), (("backend",), "x"),
        (("project", "layers", "MatMul_2", "pe"), GONE), (("project", "layers", "MatMul_2"), GONE),
        (("project", "layers", "other"), {}), (("project", "fifos", "goal"), "least"), (("graph",), "0" * 64),
    ],
)  # fmt: skip
def test_what_would_lead_astray_is_refused(bench: Bench, place: Place, value: Any) -> None:
    assert not bench.write(place, value)
    done = isobit("report", bench.build)
    assert done.status == 2 and done.err.startswith("E608: ")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("ports", 0, "lanes"), 2), (("ports", 0, "frame"), 8), (("ports", 0, "elem", "signed"), False),
        (("ports", 0, "elem", "bits"), 3), (("ports", 1, "elem", "bits"), 64), (("ports", 1, "elem_bits"), 16),
        (("ports", 0, "node"), "n_1_MatMul"), (("ports", 1, "is_input"), True), (("ports", 0, "outside"), "y"),
        (("ports", 0, "name"), "in_other"), (("ports", 1), GONE), (("ports",), GONE), (("streams", 0), GONE),
        (("streams", 0, "name"), "s;rm"), (("streams", 0, "depth"), 0), (("streams", 0, "elem", "bits"), "8"),
        (("processes", 0), GONE), (("processes", 1, "outputs"), []), (("processes", 1, "inputs"), ["s_nowhere"]),
        (("processes", 1, "name"), "a b"), (("flags",), []), (("interval",), 0), (("latency",), -1), (("goal",), "x"),
    ],
)  # fmt: skip
def test_an_edited_design_is_refused(bench: Bench, place: Place, value: Any) -> None:
    copy = Path(shutil.copytree(bench.build, bench.folder / "edited", dirs_exist_ok=True))
    (copy / "manifest.json").write_text(json.dumps(bench.manifest), encoding="utf-8")
    design = json.loads((bench.build / "design.json").read_text(encoding="utf-8"))
    (copy / "design.json").write_text(json.dumps(_replaced(design, place, value)), encoding="utf-8")
    rehash(copy, "design.json")
    done = isobit("fifos", copy)
    assert done.status == 2 and done.err.startswith("E608: "), done


def test_a_graph_that_is_no_text(bench: Bench) -> None:
    copy = Path(shutil.copytree(bench.build, bench.folder / "copy"))
    (copy / "manifest.json").write_text(json.dumps(bench.manifest), encoding="utf-8")
    (copy / "graph.txt").write_bytes(b"\xff\xfe")
    rehash(copy, "graph.txt")
    done = isobit("show", copy)
    assert done.status == 2 and done.err.startswith("E608: ") and "graph.txt" in done.err
