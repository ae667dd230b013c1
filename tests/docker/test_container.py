"""``--docker`` against an engine that writes down what it is told: the way in, the way out, and every way to end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from isobit import demo
from isobit.build.folder import load_build
from isobit.container.engine import Limits, find_engine, find_image, run_contained
from isobit.container.run import compile_contained
from isobit.errors import IsobitError
from isobit.interp import quantise, run
from tests.cli.runner import edited, environment, isobit, multiplied, small_model, tree, with_other_weight
from tests.docker.verdicts import endless, refused, verdict

FAKE = Path(__file__).with_name("fake_engine.py")


class Engine:
    """The fake on the path, and what it was told."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        self.patch = patch
        patch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        patch.setenv("FAKE_LOG", str(folder / "log"))
        patch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
        for name in ("ISOBIT_ENGINE", "ISOBIT_ENGINE_BUILD"):
            patch.delenv(name, raising=False)
        for name in ("docker", "podman"):
            self.put(name, f'exec {sys.executable} {FAKE} "$@"')

    def put(self, name: str, line: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def told(self, command: str) -> list[list[str]]:
        lines = (self.folder / "log").read_text().splitlines()
        return [words for words in map(json.loads, lines) if words[0] == command]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(tmp_path / "engine", monkeypatch)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("container")
    plan = multiplied(folder / "plan.toml")
    assert isobit("compile", small_model(folder), "-o", folder / "build", "--plan", plan).status == 0
    return folder / "build"


@pytest.fixture
def copy(build: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(build, tmp_path / "a build"))


# ------------------------------------------------------------------------------------------------- the way in and out


def test_the_same_verdict_and_a_record(engine: Engine, copy: Path) -> None:
    options = ("-n", 40, "--checked", "--seed", 3, "--json")
    inside = isobit("csim", copy, "--docker", *options)
    record = (copy / "csim.json").read_bytes()
    outside = isobit("csim", copy, *options)
    assert inside.status == outside.status == 0 and verdict(inside) == verdict(outside)
    assert record == (copy / "csim.json").read_bytes()


def test_the_users_vectors_go_in_and_the_taps_come_out(engine: Engine, copy: Path, tmp_path: Path) -> None:
    samples, taps = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32), tmp_path / "taps.npz"
    np.save(tmp_path / "my samples.npy", samples)
    done = isobit(
        "csim", copy, "--docker", "--inputs", tmp_path / "my samples.npy", "--no-source", "--json", "--taps", taps
    )
    assert done.status == 0 and verdict(done)["runs"][0]["vectors"] == 7
    graph = load_build(copy).graph
    (node,) = graph.inputs
    expected = run(graph, {node.name: quantise(node, samples)}, taps=True)
    with np.load(taps) as found:
        assert all(np.array_equal(found[name], expected[name]) for name in found.files) and len(found.files) > 4


def test_the_bounded_simulation(engine: Engine, copy: Path) -> None:
    done = isobit("csim", copy, "--docker", "--bounded", "--frames", 3, "--json")
    assert done.status == 0 and verdict(done)["runs"][0]["vectors"] == 3
    assert (copy / "bounded.json").is_file() and not (copy / "csim.json").exists()


def test_the_rtl_is_simulated_inside(engine: Engine, copy: Path) -> None:
    """The verdict comes back whole: integers, clocks, layers, levels."""
    done = isobit("cosim", copy, "--docker", "-n", 3, "--stall", "--json")
    assert done.status == 0, done
    found = json.loads(done.out)
    assert (found["equal"], found["frames"], found["outputs"], found["mismatches"]) == (True, 3, 6, 0)
    assert found["stalled"] and found["levels"] and {layer["layer"] for layer in found["layers"]}
    words = engine.told("run")[0]
    assert words[words.index("cosim") :][2:] == ["--json", "-n", "3", "--seed", "0", "--timeout", "600.0", "--stall"]


def test_a_mismatch_is_a_mismatch(engine: Engine, build: Path, tmp_path: Path) -> None:
    wrong = edited(build, tmp_path / "b", "hls/parameters.hpp", with_other_weight)
    done = isobit("csim", wrong, "--bounded", "--docker")
    assert done.status == 1 and "first mismatch: sample " in done.out and "NOT EQUAL" in done.out


def test_compiled_inside_and_outside_is_byte_identical(engine: Engine, tmp_path: Path) -> None:
    shutil.copy(small_model(tmp_path), tmp_path / "my model.onnx")
    board = Path(demo.__file__).parents[1] / "hardware" / "boards" / "zcu104.toml"
    for name, where in (("inside", ["--docker"]), ("outside", [])):
        done = isobit(
            "compile", tmp_path / "my model.onnx", "-o", tmp_path / name, "--board", board, "--max-util", "0.5", *where
        )
        assert done.status == 0 and f"{tmp_path / name}/hls" in done.out
    assert tree(tmp_path / "inside") == tree(tmp_path / "outside")
    plan = tmp_path / "outside" / "plan.toml"
    done = isobit("compile", tmp_path / "my model.onnx", "-o", tmp_path / "again", "--plan", plan, "--docker")
    assert done.status == 0 and (tmp_path / "again" / "manifest.json").is_file()


def test_tensors_beside_the_model_go_in_with_it(engine: Engine, tmp_path: Path) -> None:
    model = onnx.load(small_model(tmp_path))
    for place, name in (("inside", "net.onnx.data"), ("elsewhere", "other.data")):
        (tmp_path / place).mkdir()
        path = tmp_path / place / "net.onnx"
        onnx.save(model, path, save_as_external_data=True, size_threshold=0, location=name)
        model = onnx.load(path)
    assert isobit("compile", tmp_path / "inside" / "net.onnx", "-o", tmp_path / "b", "--docker").status == 0
    assert isobit("compile", tmp_path / "inside" / "net.onnx", "-o", tmp_path / "c").status == 0
    assert tree(tmp_path / "b") == tree(tmp_path / "c")
    done = isobit("compile", tmp_path / "elsewhere" / "net.onnx", "-o", tmp_path / "d", "--docker")
    refused(done, "E105", "other.data")


def test_options_reach_the_command_as_they_were_given(engine: Engine, tmp_path: Path) -> None:
    engine.patch.setenv("FAKE_RUN", "125")
    np.save(tmp_path / "samples.npy", np.zeros(3))
    options = {"--refit": True, "--quiet": False, "--max-util": 0.5, "--inputs": tmp_path / "samples.npy"}
    with pytest.raises(IsobitError):
        compile_contained(str(small_model(tmp_path)), tmp_path / "b", options, "4g")
    (words,) = engine.told("run")
    wanted = ["compile", "/project/model/model.onnx", "-o", "/project/build", "--refit", "--max-util", "0.5"]
    assert words[-9:] == [*wanted, "--inputs", "/project/inputs.npy"]


def test_refusals_are_those_of_the_command(engine: Engine, build: Path, tmp_path: Path) -> None:
    looping = edited(build, tmp_path / "endless", "hls/top.cpp", endless)
    done = isobit("csim", looping, "--docker", "--bounded", "--timeout", 0.5)
    refused(done, "E606", "did not end within 0.5 s", "bounded build", status=1)
    assert json.loads((looping / "bounded.json").read_text())["verdict"] == "failed"
    np.save(tmp_path / "x.npy", np.zeros((2, 3), np.float32))
    refused(isobit("csim", build, "--docker", "--inputs", tmp_path / "x.npy"), "E607")
    refused(isobit("csim", build, "--docker", "--inputs", tmp_path / "none.npy"), "E610", "none.npy")
    board = (Path(demo.__file__).parents[1] / "hardware" / "boards" / "pynq-z1.toml").read_text()
    (tmp_path / "tiny.toml").write_text(board.replace("lut = 53200", "lut = 300"))
    done = isobit("compile", demo.MODEL, "-o", tmp_path / "b", "--board", tmp_path / "tiny.toml", "--docker")
    refused(done, "E502", "of 300 LUT", status=3)
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    done = isobit("compile", tmp_path / "broken.onnx", "-o", tmp_path / "b", "--docker")
    refused(done, "E102", f"at: {tmp_path}/broken.onnx")
    refused(isobit("compile", "net.py:build", "-o", tmp_path / "b", "--docker"), "E101", "QONNX")
    refused(isobit("compile", "none.onnx", "-o", tmp_path / "b", "--docker"), "E101", "there is no such file")
    assert not (tmp_path / "b").exists()


# --------------------------------------------------------------------------------------------------- how it is shut in


def test_the_run_is_hardened_and_sees_one_folder(engine: Engine, copy: Path) -> None:
    engine.patch.setenv("FAKE_RUN", "125")
    assert isobit("csim", copy, "--docker", "--memory", "3g").status == 2
    (words,) = engine.told("run")
    text = " ".join(words)
    for option in (
        "--read-only", "--network none", "--cap-drop ALL", "--security-opt no-new-privileges", "--memory 3g",
        "--memory-swap 3g", "--pids-limit 512", "--workdir /project", "--tmpfs /tmp:rw,exec,nosuid,nodev,size=1g",
    ):  # fmt: skip
        assert option in text
    user = words[words.index("--user") + 1]
    assert user.split(":")[0] not in ("0", "root")
    assert sum("type=bind" in word for word in words) == 1 and str(copy) not in text
    assert not {"-v", "--volume", "--privileged", "--cap-add", "--device", "--pid", "--ipc"} & set(words)
    (removed,) = engine.told("rm")
    assert removed == ["rm", "-f", words[words.index("--name") + 1]]


def test_a_link_that_the_container_leaves_is_not_followed(engine: Engine, tmp_path: Path) -> None:
    engine.patch.setenv("FAKE_RUN", "link")
    done = isobit("compile", small_model(tmp_path), "-o", tmp_path / "b", "--docker")
    refused(done, "E702", "no plain file")
    assert not (tmp_path / "b").exists()


def test_a_build_that_names_files_elsewhere_is_refused(engine: Engine, copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy.parent / "secret").write_text("")
    manifest["files"]["../secret"] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (copy / "manifest.json").write_text(json.dumps(manifest))
    refused(isobit("csim", copy, "--docker"), "E608", "../secret")


# ----------------------------------------------------------------------------------------------- the image, the engine


def test_the_image_is_built_once_from_what_isobit_is_made_of(engine: Engine, copy: Path) -> None:
    engine.patch.setenv("ISOBIT_ENGINE_BUILD", "--network host")
    engine.patch.setenv("FAKE_RUN", "125")
    for _ in range(2):
        assert isobit("csim", copy, "--docker").status == 2
    (words,) = engine.told("build")
    assert words[1:3] == ["--network", "host"]
    files = json.loads((engine.folder / "context.json").read_text())
    for name in ("docker/csim/Dockerfile", "docker/csim/requirements.txt", "compiler/isobit/cli/main.py"):
        assert name in files
    assert any(name.startswith("templates/hls/") for name in files)
    assert not [name for name in files if "__pycache__" in name or name.startswith((".git", "tests"))]
    assert {run[-1] for run in engine.told("image")} == {words[words.index("-t") + 1]}


def test_other_code_is_another_image(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = find_image(find_engine())
    template = tmp_path / "templates"
    template.mkdir()
    (template / "top.hpp").write_text("// other")
    monkeypatch.setattr("isobit.templates.root", lambda: template)
    assert find_image(find_engine()) != first


def test_an_image_that_cannot_be_built_is_refused_with_the_builders_words(engine: Engine, copy: Path) -> None:
    engine.patch.setenv("FAKE_BUILD", "1")
    refused(isobit("csim", copy, "--docker"), "E702", "no route to host", "needs a network")


def test_podman_where_docker_does_not_answer(engine: Engine, copy: Path) -> None:
    engine.put("docker", "exit 1")
    assert find_engine().name == "podman"
    engine.patch.setenv("ISOBIT_ENGINE", "docker")
    refused(isobit("csim", copy, "--docker"), "E701", "docker does not answer")


def test_no_engine_is_refused_with_what_was_tried(engine: Engine, copy: Path, tmp_path: Path) -> None:
    engine.put("docker", "exit 1")
    engine.patch.setenv("PATH", str(engine.folder / "bin"))
    (engine.folder / "bin" / "podman").unlink()
    refused(isobit("csim", copy, "--docker"), "E701", "docker does not answer; podman is not on the path")
    refused(isobit("compile", small_model(tmp_path), "-o", tmp_path / "b", "--docker"), "E701")


# ------------------------------------------------------------------------------------------------------ ways to end


def test_the_time_limit_kills_the_container(engine: Engine, tmp_path: Path) -> None:
    engine.patch.setenv("FAKE_RUN", "hang")
    stages: list[str] = []
    with pytest.raises(IsobitError) as ended:
        run_contained(find_engine(), "isobit-csim:x", tmp_path, ["csim"], Limits(seconds=1.0), stages.append)
    assert ended.value.code == "E703" and "did not end within 1 s" in ended.value.message
    assert engine.told("kill") and engine.told("rm") and stages[-1] == "waiting"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_removes_the_container(engine: Engine, copy: Path, number: int, status: int) -> None:
    engine.patch.setenv("FAKE_RUN", "hang")
    engine.patch.setenv("ISOBIT_PROGRESS", "1")
    # A shell that runs the tests in the background ignores SIGINT, and children would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "isobit.cli", "csim", str(copy), "--docker"]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    signal.signal(signal.SIGINT, before)
    assert process.stderr is not None
    for line in process.stderr:
        if line == b"progress: waiting\n":
            break
    process.send_signal(number)
    rest = process.stderr.read()
    assert process.wait() == status and b"Traceback" not in rest
    (words,) = engine.told("run")
    name = words[words.index("--name") + 1]
    assert engine.told("rm") == [["rm", "-f", name]]
    pid = int((engine.folder / name).read_text())
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("container", "code", "words"),
    [("oom", "E703", "more than 4g of memory"), ("125", "E702", "the engine's own words")],
)
def test_memory_and_the_engines_refusals_are_named(
    engine: Engine, copy: Path, container: str, code: str, words: str
) -> None:
    engine.patch.setenv("FAKE_RUN", container)
    refused(isobit("csim", copy, "--docker"), code, words)


@pytest.mark.parametrize("memory", ["", "4", "4gb", "-1g", "0g", "4g --privileged"])
def test_a_memory_limit_that_is_none_is_refused(engine: Engine, copy: Path, memory: str) -> None:
    refused(isobit("csim", copy, "--docker", "--memory", memory), "E703")
