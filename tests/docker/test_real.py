"""``--docker`` in a real container: the same integers inside and outside, and walls that hold.

Run with ``make docker`` (``pytest -m docker``) where Docker or Podman answers.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from isobit import demo
from isobit.build.folder import load_build
from isobit.container.engine import Engine, Limits, find_engine, find_image, hardening, run_contained
from isobit.errors import IsobitError
from tests.cli.runner import edited, isobit, small_model, tree
from tests.docker.verdicts import endless, oracles_apart, pinned_in_the_image, refused, verdict
from tests.models.tflite_nets import NETS

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def engine() -> Engine:
    try:
        return find_engine()
    except IsobitError as error:
        pytest.skip(f"NOT TESTED in a real container: {error.message}; see docker/try_engine.sh")


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return find_image(engine)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    assert isobit("compile", small_model(folder), "-o", folder / "build").status == 0
    return folder / "build"


@pytest.fixture(autouse=True)
def no_container_stays(engine: Engine) -> Iterator[None]:
    yield
    assert containers(engine) == []


def containers(engine: Engine) -> list[str]:
    command = [engine.command, "ps", "--all", "--filter", "name=isobit-", "--format", "{{.Names}}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_the_same_verdict_and_the_same_integers(image: str, tmp_path: Path) -> None:
    for where in ("inside", "outside"):
        flags = ["--docker"] if where == "inside" else []
        assert isobit("compile", demo.MODEL, "-o", tmp_path / where, *flags).status == 0
    assert tree(tmp_path / "inside") == tree(tmp_path / "outside")
    before = tree(tmp_path / "inside")
    options = ("-n", 200, "--checked", "--json", "--taps")
    inside = isobit("csim", tmp_path / "inside", "--docker", *options, tmp_path / "inside.npz")
    outside = isobit("csim", tmp_path / "outside", *options, tmp_path / "outside.npz")
    assert inside.status == outside.status == 0
    (within, pinned), (around, _) = oracles_apart(verdict(inside)), oracles_apart(verdict(outside))
    assert within == around and pinned and pinned.items() <= pinned_in_the_image().items()
    with np.load(tmp_path / "inside.npz") as mine, np.load(tmp_path / "outside.npz") as theirs:
        assert mine.files == theirs.files and all(np.array_equal(mine[k], theirs[k]) for k in mine.files)
    after = tree(tmp_path / "inside")
    assert set(after) - set(before) == {"csim.json"} and before.items() <= after.items()
    records = [json.loads(tree(tmp_path / where)["csim.json"]) for where in ("inside", "outside")]
    assert oracles_apart(records[0])[0] == oracles_apart(records[1])[0]


def test_the_rtl_gives_the_same_verdict(image: str, build: Path) -> None:
    inside, outside = isobit("cosim", build, "-n", 4, "--json", "--docker"), isobit("cosim", build, "-n", 4, "--json")
    assert inside.status == outside.status == 0
    found = [{k: v for k, v in json.loads(done.out).items() if "seconds" not in k} for done in (inside, outside)]
    assert found[0] == found[1] and found[0]["equal"]


def test_a_tflite_file_makes_the_same_build(image: str, tmp_path: Path) -> None:
    path = NETS["upsampled"]("uint8").save(tmp_path / "model.tflite")
    for where in ("inside", "outside"):
        flags = ["--docker"] if where == "inside" else []
        assert isobit("compile", path, "-o", tmp_path / where, "--board", "zcu104", *flags).status == 0
    assert tree(tmp_path / "inside") == tree(tmp_path / "outside")


def test_clang_is_there_too(image: str, build: Path) -> None:
    assert isobit("csim", build, "--docker", "-n", 20, "--no-source", "--compiler", "clang++").status == 0


def test_a_simulation_that_loops_for_ever_is_ended(image: str, build: Path, tmp_path: Path) -> None:
    wrong = edited(build, tmp_path / "b", "hls/top.cpp", endless)
    done = isobit("csim", wrong, "--docker", "-n", 5, "--no-source", "--timeout", 1)
    refused(done, "E606", "did not end within 1 s", "faithful build", status=1)


def test_a_container_that_does_not_end_is_killed(engine: Engine, image: str, build: Path, tmp_path: Path) -> None:
    wrong = edited(build, tmp_path / "b", "hls/top.cpp", endless)
    with pytest.raises(IsobitError) as ended:
        run_contained(engine, image, wrong, ["csim", "/project", "-n", "5", "--no-source"], Limits(seconds=8.0))
    assert ended.value.code == "E703" and "did not end within 8 s" in ended.value.message


def test_too_much_memory_is_reported_as_such(image: str, build: Path) -> None:
    refused(isobit("csim", build, "--docker", "-n", 5, "--memory", "64m"), "E703", "more than 64m of memory")
    assert load_build(build).path == build


WALLS = """
id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status; ls /sys/class/net
for place in / /opt/isobit /usr/bin /home /root; do touch $place/x 2>/dev/null && echo WRITTEN $place; done
for place in /project /tmp; do touch $place/x && echo may $place; done
"""


def test_nothing_outside_the_folder_is_written_or_reached(engine: Engine, image: str, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir(mode=0o777)
    inside.chmod(0o777)
    (tmp_path / "outside").write_text("mine")
    options = [*hardening(engine, inside, Limits(60.0)), "--entrypoint", "sh"]
    command = [engine.command, "run", "--rm", *options, image, "-c", WALLS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    user, privileges, capabilities, *rest = done.stdout.split("\n")
    capabilities, privileges = sorted((capabilities, privileges))
    assert user != "0" and int(capabilities.split()[1], 16) == 0 and privileges.split()[1] == "1"
    assert [line for line in rest if line] == ["lo", "may /project", "may /tmp"]
    assert {p.name for p in tmp_path.rglob("*")} == {"inside", "outside", "x"}
