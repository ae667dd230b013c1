"""The plan file in a user's hands: edited foldings, boards and clocks, and refusals that name the line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import isobit
from isobit.backends.dataflow.design_file import DESIGN
from isobit.backends.dataflow.planner import read_plan
from isobit.errors import DoesNotFit, IsobitError
from tests.cli.runner import small_model
from tests.onnx_builder import Net


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(small_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def plan(model: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A plan of the small model that folds it, with depths for full throughput."""
    single = tmp_path_factory.mktemp("single") / "plan.toml"
    single.write_text("".join(f'[layers.{name}]\nmultiplier = "single"\n' for name in ("MatMul_2", "MatMul_7")))
    build = isobit.compile(model, target_ii=4, plan=single)
    return (build.path / "plan.toml").read_text()


def compiled(model: Path, folder: Path, text: str, **options: object) -> isobit.Build:
    (folder / "plan.toml").write_text(text)
    return isobit.compile(model, folder / "build", plan=folder / "plan.toml", **options)  # type: ignore[arg-type]


def other_folding(plan: str) -> str:
    """The plan with the first layer's PE at one."""
    return re.sub(r"pe = \d+", "pe = 1", plan, count=1)


def test_as_it_is_it_makes_the_same_build(model: Path, plan: str, tmp_path: Path) -> None:
    build = compiled(model, tmp_path, plan)
    assert (build.path / "plan.toml").read_text() == plan
    assert build.manifest.board.name == "pynq-z1" and build.manifest.board.clock_mhz == 100
    assert not any("another folding" in line for line in build.manifest.project.lines)


def test_an_edited_folding_has_its_own_depths_and_says_so(model: Path, plan: str, tmp_path: Path) -> None:
    build = compiled(model, tmp_path, other_folding(plan))
    design = (build.path / DESIGN).read_bytes()
    without = compiled(model, tmp_path, other_folding(plan).partition("[fifos]")[0])
    assert (without.path / DESIGN).read_bytes() == design
    note = "the plan's [fifos] are for another folding: all depths are computed anew"
    assert note in build.manifest.project.lines and note not in without.manifest.project.lines


def test_an_edited_depth_stays(model: Path, plan: str, tmp_path: Path) -> None:
    name, depth = next(iter(read_depths(plan, tmp_path).items()))
    build = compiled(model, tmp_path, plan.replace(f"{name} = {depth}", f"{name} = {depth + 7}"))
    assert read_depths((build.path / "plan.toml").read_text(), tmp_path)[name] == depth + 7


def read_depths(text: str, folder: Path) -> dict[str, int]:
    (folder / "read.toml").write_text(text)
    return dict(read_plan(folder / "read.toml").depths)


def test_its_board_and_clock_are_taken(model: Path, plan: str, tmp_path: Path) -> None:
    text = plan.replace("pynq-z1", "zcu104").replace("clock = 100", "clock = 180")
    build = compiled(model, tmp_path, text)
    assert (build.manifest.board.name, build.manifest.board.clock_mhz) == ("zcu104", 180)
    assert compiled(model, tmp_path, text, board="zcu104", clock_mhz=180).manifest == build.manifest


@pytest.mark.parametrize(
    ("options", "what"),
    [({"board": "zcu104"}, "for board = pynq-z1, and zcu104"), ({"clock_mhz": 90}, "for clock = 100.0, and 90")],
)
def test_another_board_or_clock_is_refused(
    model: Path, plan: str, tmp_path: Path, options: dict[str, object], what: str
) -> None:
    with pytest.raises(IsobitError, match=what) as refusal:
        compiled(model, tmp_path, plan, **options)
    assert refusal.value.code == "E503" and "leave --" in refusal.value.hint


EDITS = [
    ("simd =", "smid =", "E503", "no such key", "did you mean 'simd'"),
    ('memory = "', 'memory = "no', "E503", "'auto', 'lutram', 'bram' or 'uram'", ""),
    ("[layers.", "[layers.x", "E503", "is no planned layer", "did you mean"),
    ("pe = ", "pe = 7 # ", "E503", "pe = 7", "pe one of"),
    ("[fifos]\ns_", "[fifos]\ns_x", "E506", "is no FIFO of this design\n  layer ", "did you mean"),
    ('implementation = "dense"', 'implementation = "dance"', "E503", "dance", "dense at this folding"),
    ("[fifos]", "[fifo]", "E503", "no such key", "did you mean 'fifos'"),
    ("clock = 100", "clock = 'fast'", "E503", "clock = 'fast': a number", ""),
    ("pe = ", "pe = '4' # ", "E503", "pe = '4': a whole number", ""),
]


@pytest.mark.parametrize(("old", "new", "code", "what", "hint"), EDITS, ids=[row[1] for row in EDITS])
def test_a_wrong_line_is_named_with_what_may_stand_there(
    model: Path, plan: str, tmp_path: Path, old: str, new: str, code: str, what: str, hint: str
) -> None:
    edited = plan.replace(old, new, 1)
    lines = zip(plan.splitlines(), edited.splitlines(), strict=True)
    number = next(i for i, (before, after) in enumerate(lines) if before != after)
    with pytest.raises(IsobitError) as refusal:
        compiled(model, tmp_path, edited)
    assert refusal.value.code == code and what in refusal.value.message and hint in refusal.value.hint
    named = re.search(r"line (\d+)", refusal.value.where)
    before = edited.splitlines()[: number + 1]
    header = max((i for i, line in enumerate(before) if line.startswith("[")), default=number)
    assert named is not None and int(named[1]) in (number + 1, header + 1)


def test_refusals_list_the_layers(model: Path, tmp_path: Path) -> None:
    net, weights = Net(["N", 1, 8, 8]), np.ones((4, 1, 3, 3))
    net.quant(net.op("Conv", net.quant("x", 0.1, 0.0, 4), net.quant(weights, 1.0), kernel_shape=[3, 3]), 0.3)
    with pytest.raises(IsobitError) as slow:
        isobit.compile(net.save(tmp_path), tmp_path / "b", target_ii=1)
    assert slow.value.code == "E503" and "\n  layer " in slow.value.message
    tiny = Path(tmp_path / "tiny.toml")
    board = (Path(isobit.__path__[0]) / "hardware/boards/pynq-z1.toml").read_text()
    tiny.write_text(re.sub(r"lut = \d+", "lut = 300", board))
    with pytest.raises(DoesNotFit) as large:
        isobit.compile(model, tmp_path / "b", board=str(tiny))
    assert "\n  layer " in large.value.message
    lines = large.value.message.splitlines()[1:]
    assert max(map(len, lines)) <= 80 and sum(" *" in line for line in lines) >= 1 and "built as" in lines[0]
