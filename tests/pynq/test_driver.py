"""The driver end to end: the real ``pynq`` package on a simulated board whose fabric is the compiled C simulation."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import isobit
from isobit.backends.toolchain import Compilation, find_compiler
from isobit.build.folder import Build, load_build
from isobit.check.csim.stimuli import float_samples, vectors_for
from isobit.errors import IsobitError
from isobit.interp import dequantise, quantise, run
from isobit.pynq.pack import package
from tests.pynq.environments import pynq_python
from tests.pynq.hwh import hwh
from tests.pynq.vivado import recorded

SAMPLES = 23
BOARD = Path(__file__).parent / "board.py"
Bench = Callable[..., tuple[Build, Path, Callable[[str], dict[str, object]]]]


@pytest.fixture(scope="module")
def bench(compiled: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """``bench(net, board)``: the build, its package with a recorded overlay, a function that runs a script there."""
    done: dict[tuple[str, str], tuple[Build, Path, Path]] = {}

    def prepare(net: str, board: str = "pynq-z1") -> tuple[Build, Path, Callable[[str], dict[str, object]]]:
        if (net, board) not in done:
            build = load_build(compiled(net, board))
            folder = tmp_path_factory.mktemp("board") / "package"
            package(build, folder)
            message, recording = recorded(build, folder)
            assert message == ""
            (folder / "overlay.hwh").write_text(hwh(recording))
            (folder / "wiring.json").write_text(json.dumps(wiring(recording.buses)))
            simulation = Compilation(build.hls, folder, "native", find_compiler()).result().path
            done[net, board] = build, folder, simulation
        build, folder, simulation = done[net, board]
        return build, folder, lambda script: on_board(folder, simulation, script)

    return prepare


def wiring(buses: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Which DMA channel every stream of the accelerator hangs on: from the recorded block design."""
    found = {}
    for first, second in buses:
        for dma, stream in ((first, second), (second, first)):
            if stream.startswith("accelerator/"):
                cell, _, side = dma.partition("/")
                found[stream.partition("/")[2]] = [cell, side.rpartition("_")[2].lower()]
    return found


def on_board(folder: Path, simulation: Path, script: str) -> dict[str, object]:
    """Run a script beside the driver; what it put into ``said``."""
    path = folder / "script.py"
    path.write_text(f"import json\nimport numpy as np\nsaid = {{}}\n{script}\nprint('SAID' + json.dumps(said))\n")
    command = [*pynq_python(), "-W", "ignore", str(BOARD), str(folder), str(simulation), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("SAID")[2])  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("net", "board"),
    [
        ("image", "pynq-z1"),
        ("ports", "zcu104"),
        ("demo", "pynq-z2"),
        ("wide", "kv260"),
        ("line", "kv260"),
        ("padded", "zcu104"),
    ],
)
def test_floats_in_the_interpreters_integers_out(net: str, board: str, bench: Bench) -> None:
    build, folder, script = bench(net, board)
    assert any(port.row for port in build.ports) == (net in ("line", "padded"))
    rng = np.random.default_rng(11)
    integers = vectors_for(build.graph, SAMPLES, seed=9)
    floats = {n.outside: float_samples(n, integers[n.name], rng) for n in build.graph.inputs}
    np.savez(folder / "given.npz", **{f"x{i}": floats[n.outside] for i, n in enumerate(build.graph.inputs)})
    expected = run(build.graph, {n.name: quantise(n, floats[n.outside]) for n in build.graph.inputs})
    said = script(
        f"given = np.load(folder / 'given.npz')\n"
        f"inputs = dict(zip({[n.outside for n in build.graph.inputs]!r}, (given[k] for k in sorted(given.files))))\n"
        "from arithmetic import quantise\n"
        "integers = {p.name: quantise(p.host, inputs[p.name]) for p in net.model.inputs}\n"
        "np.savez(folder / 'floats.npz', **net.run(inputs))\n"
        "np.savez(folder / 'integers.npz', **net.run_integers(integers))\n"
        "said['transfers'] = board.transfers\n"
    )
    assert said["transfers"] == 2 * -(-SAMPLES // 5)
    with np.load(folder / "integers.npz") as got, np.load(folder / "floats.npz") as floats_out:
        for node in build.graph.outputs:
            assert got[node.outside].dtype == np.int64
            assert np.array_equal(got[node.outside], expected[node.name])
            # The same numpy functions on the same machine family: equal to the last bit where none of them is exp.
            if not {op.kind for op in node.host} & {"softmax", "sigmoid", "tanh", "logsoftmax"}:
                assert np.array_equal(floats_out[node.outside], dequantise(node, expected[node.name]))


def test_the_shipped_vectors_agree_and_a_wrong_one_is_named(bench: Bench) -> None:
    build, _, script = bench("ports", "zcu104")
    said = script(
        "said['first'] = [list(map(str, (d.output, d.sample, d.index, d.got - d.expected))) for d in net.compare()]\n"
        "vectors = dict(np.load(folder / 'vectors.npz'))\n"
        "name = net.model.outputs[1].stream\n"
        "vectors[name] = vectors[name].copy()\n"
        "vectors[name][7, 2] ^= 1\n"
        "import shutil\n"
        "shutil.copy(folder / 'vectors.npz', folder / 'kept.npz')\n"
        "np.savez(folder / 'vectors.npz', **vectors)\n"
        "said['second'] = [[d.output, d.sample, list(d.index), abs(d.got - d.expected)] for d in net.compare()]\n"
        "shutil.move(str(folder / 'kept.npz'), str(folder / 'vectors.npz'))\n"
    )
    assert said == {"first": [], "second": [[build.graph.outputs[1].outside, 7, [2], 1]]}


def test_selftest_and_measurement(bench: Bench) -> None:
    _, _, script = bench("demo", "pynq-z2")
    said = script(
        "speed = net.measure(samples=20, repeats=3)\n"
        "said['positive'] = speed.latency > 0 and speed.samples_per_second > 0\n"
        "said['fabric'] = speed.accelerator_per_second * net.model.interval\n"
        "import contextlib, io, selftest\n"
        "selftest.Accelerator = lambda: net\n"
        "type(net).measure.__defaults__ = (20, 3)\n"
        "with contextlib.redirect_stdout(io.StringIO()) as text:\n"
        "    said['status'] = selftest.main()\n"
        "said['equal'] = 'EQUAL: every integer is the expected one' in text.getvalue()\n"
    )
    assert said == {"positive": True, "fabric": 100e6, "status": 0, "equal": True}


def test_the_notebook_runs(bench: Bench) -> None:
    _, folder, script = bench("demo", "pynq-z2")
    cells = [c for c in json.loads((folder / "notebook.ipynb").read_text())["cells"] if c["cell_type"] == "code"]
    assert len(cells) == 6
    said = script(
        "import ast, driver\n"
        "driver.Accelerator = lambda: net\n"
        "type(net).measure.__defaults__ = (20, 3)\n"
        f"shown, space = [], {{}}\n"
        f"for text in {[''.join(c['source']) for c in cells]!r}:\n"
        "    tree = ast.parse(text)\n"
        "    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None\n"
        "    exec(compile(tree, 'cell', 'exec'), space)\n"
        "    shown.append(repr(eval(compile(ast.Expression(last.value), 'cell', 'eval'), space)) if last else '')\n"
        "said['shown'] = shown\n"
    )
    shown = said["shown"]
    assert isinstance(shown, list) and shown[1] == "()" and "(64, 10)" in shown[2] and "latency" in shown[5]


def test_the_notebook_classifies_own_samples(bench: Bench, tmp_path: Path) -> None:
    build, folder, script = bench("image", "pynq-z2")
    x = np.random.default_rng(3).random((20, 3, 6, 6), dtype=np.float32) * 8
    y = isobit.predict(build, x, graph=True).argmax(1)
    y[:5] = (y[:5] + 1) % 5
    package(build, tmp_path / "own", inputs=x, labels=y)
    shutil.copy(tmp_path / "own" / "samples.npz", folder)
    cells = [c for c in json.loads((folder / "notebook.ipynb").read_text())["cells"] if c["cell_type"] == "code"]
    said = script(
        "import contextlib, io, sys, types\n"
        "titles = []\n"
        "class Axis:\n"
        "    def imshow(self, shown, cmap): assert shown.shape == (6, 6, 3) and 0 <= shown.min() < shown.max() <= 1\n"
        "    def set_title(self, text): titles.append(text)\n"
        "    def axis(self, text): pass\n"
        "pyplot = types.ModuleType('matplotlib.pyplot')  # a PYNQ image has it\n"
        "def subplots(rows, columns, squeeze): return None, np.array([[Axis() for _ in range(columns)]])\n"
        "pyplot.subplots = subplots\n"
        "sys.modules['matplotlib'] = types.ModuleType('matplotlib')\n"
        "sys.modules['matplotlib'].pyplot = sys.modules['matplotlib.pyplot'] = pyplot\n"
        "space = {'net': net, 'np': np}\n"
        "with contextlib.redirect_stdout(io.StringIO()) as text:\n"
        f"    for cell in {[''.join(c['source']) for c in cells[3:5]]!r}:\n"
        "        exec(cell, space)\n"
        "said['text'] = text.getvalue()\n"
        "said['titles'] = titles\n"
    )
    assert said["text"] == "15 of 20 right on the board, 15 by the interpreter\n"
    titles = said["titles"]
    assert isinstance(titles, list) and len(titles) == 8 and [", not " in t for t in titles] == [True] * 5 + [False] * 3
    with pytest.raises(IsobitError, match="samples and labels go together"):
        package(build, tmp_path / "half", inputs=x)
    assert not (tmp_path / "half").exists()


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        ("board.faults.add('hang')", "TimeoutError: input did not end within 2 s: load the overlay again"),
        ("board.faults.add('short')", "RuntimeError: output: 9 of 10 bytes were moved"),
        ("x[0, 3] = np.nan", "ValueError: the samples hold NaN"),
        ("x = x[:, :-1]", "ValueError: samples of shape (64,) are needed, not (63,)"),
        ("x = {'inptu': x}", "ValueError: inputs by name are needed: input"),
    ],
)
def test_what_goes_wrong_is_said(setup: str, message: str, bench: Bench) -> None:
    _, _, script = bench("demo", "pynq-z2")
    said = script(
        f"x = np.zeros((1, 64), np.float32)\n{setup}\n"
        "try:\n    net(x)\nexcept Exception as error:\n    said['error'] = f'{type(error).__name__}: {error}'\n"
    )
    assert said == {"error": message}


def test_nan_in_a_later_part_leaves_the_board_usable(bench: Bench) -> None:
    _, _, script = bench("demo", "pynq-z2")
    said = script(
        "x = np.zeros((8, 64), np.float32)\nx[6, 0] = np.nan\n"
        "try:\n    net(x)\nexcept ValueError as error:\n    said['error'] = str(error)\n"
        "said['then'] = len(net.compare())\n"
    )
    assert said == {"error": "the samples hold NaN", "then": 0}


def test_buffers_stay_small_however_large_a_sample_is(bench: Bench) -> None:
    _, _, script = bench("demo", "pynq-z2")
    said = script(
        "import driver\nfrom dataclasses import replace\n"
        "large = [replace(p, frame=512 * 512) for p in net.model.ports]\n"
        "said['batches'] = [driver._batch(ports, [(1 << 26) - 1] * 2, 256) for ports in (net.model.ports, large)]\n"
        "said['one'] = driver._batch([replace(p, frame=1 << 23) for p in large], [(1 << 26) - 1] * 2, 256)\n"
        "try:\n    driver._batch(large, [1000, 1000], 256)\n"
        "except ValueError as error:\n    said['none'] = str(error)\n"
    )
    assert said == {"batches": [256, 16], "one": 1, "none": "not even one sample fits a DMA transfer"}
