"""Enrolment and classification by the driver, on the simulated board whose fabric is the compiled C simulation."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from isobit.build.folder import Build
from isobit.check.csim.stimuli import float_samples, vectors_for
from isobit.fewshot import head_of, head_rows
from isobit.interp import quantise, run
from tests.pynq.test_driver import bench

__all__ = ["bench"]
Script = Callable[[str], dict[str, object]]
SHOTS, QUERIES = 3, 12


def samples(build: Build) -> tuple[str, np.ndarray, np.ndarray]:
    """The image input's name, samples of it, and their integers."""
    node = build.graph.inputs[0]
    x = float_samples(node, vectors_for(build.graph, 40, 5)[node.name], np.random.default_rng(2))[10:]
    return node.name, x, quantise(node, x)


def expected(build: Build, name: str, integers: np.ndarray, enrolled: list[np.ndarray]) -> list[int]:
    """Labels by the interpreter, with rows that isobit makes of its own features."""
    head = head_of(build.graph)
    assert head is not None

    def both(x: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        repeated = np.repeat(rows[None], len(x), axis=0)
        return run(build.graph, {name: x, head.prototypes.name: repeated})

    none = np.zeros(head.prototypes.shape, np.int64)
    features = [both(x, none)[head.features.name] for x in enrolled]
    rows = head_rows(features, head.classes, head.limit)
    return [int(i) for i in both(integers, rows)[head.label.name].reshape(-1)]


def test_enrol_classify_forget_save_and_load(bench: Callable[..., tuple[Build, Path, Script]]) -> None:
    build, folder, script = bench("fewshot")
    name, x, integers = samples(build)
    np.save(folder / "images.npy", x)
    said = script(
        "from fewshot import FewShot\n"
        "x = np.load(folder / 'images.npy')\n"
        f"shots, n, q = FewShot(net), {SHOTS}, {QUERIES}\n"
        "try:\n    shots.classify(x[:1])\nexcept ValueError as error:\n    said['none'] = str(error)\n"
        "for k, label in enumerate(['cup', 'key', 'hat']):\n"
        "    shots.enrol(label, x[k * n : (k + 1) * n])\n"
        "said['three'] = shots.classify(x[-q:])\n"
        "said['more'] = shots.enrol('cup', x[9:11])\n"
        "shots.save(folder / 'kept.npz')\n"
        "said['grown'] = shots.classify(x[-q:])\n"
        "said['loaded'] = FewShot(net).load(folder / 'kept.npz').classify(x[-q:])\n"
        "shots.enrol('pen', x[11:13])\n"
        "try:\n    shots.enrol('fifth', x[:1])\nexcept ValueError as error:\n    said['full'] = str(error)\n"
        "try:\n    shots.enrol('cup', x[:0])\nexcept ValueError as error:\n    said['empty'] = str(error)\n"
        "shots.forget('key')\n"
        "said['left'] = sorted(shots.enrolled)\n"
        "said['rows'] = shots.rows().tolist()\n"
    )
    three = [integers[k * SHOTS : (k + 1) * SHOTS] for k in range(3)]
    names = np.array(["cup", "key", "hat"])
    assert said["three"] == list(names[expected(build, name, integers[-QUERIES:], three)])
    grown = [np.concatenate([three[0], integers[9:11]]), *three[1:]]
    assert said["more"] == SHOTS + 2
    assert said["grown"] == said["loaded"] == list(names[expected(build, name, integers[-QUERIES:], grown)])
    assert len(set(said["grown"])) > 1  # type: ignore[call-overload]
    assert said["none"] == "nothing is enrolled: enrol(label, images) first"
    assert said["full"] == "the head holds 4 classes: forget one, or compile with a larger --head"
    assert said["empty"] == "no samples of cup" and said["left"] == ["cup", "hat", "pen"]
    rows = np.array(said["rows"])
    assert np.array_equal(rows[1], rows[4]) and not np.array_equal(rows[1], rows[2])


def test_a_mean_of_the_users_own_and_files_that_do_not_fit(
    bench: Callable[..., tuple[Build, Path, Script]],
) -> None:
    build, folder, script = bench("fewshot")
    name, x, integers = samples(build)
    np.save(folder / "images.npy", x)
    said = script(
        "from fewshot import FewShot\n"
        "x = np.load(folder / 'images.npy')\n"
        "shots = FewShot(net, mean=np.arange(6) * 3)\n"
        "shots.enrol('a', x[:2]); shots.enrol('b', x[2:4])\n"
        "said['rows'] = shots.rows().tolist()\n"
        "shots.save(folder / 'own.npz')\n"
        "said['mean'] = FewShot(net).load(folder / 'own.npz').mean.tolist()\n"
        "np.savez(folder / 'other.npz', labels=np.array(['a']), features_0=np.zeros((2, 5)))\n"
        "try:\n    shots.load(folder / 'other.npz')\nexcept ValueError as error:\n    said['other'] = str(error)\n"
        "shots.mean = np.full(6, 10**6)\n"
        "try:\n    shots.rows()\nexcept ValueError as error:\n    said['large'] = str(error)\n"
    )
    head = head_of(build.graph)
    assert head is not None
    none = np.zeros((4, *head.prototypes.shape), np.int64)
    features = run(build.graph, {name: integers[:4], head.prototypes.name: none})[head.features.name]
    wanted = head_rows([features[:2], features[2:]], 4, head.limit, np.arange(6) * 3)
    assert said["rows"] == wanted.tolist() and said["mean"] == [0, 3, 6, 9, 12, 15]
    assert str(said["other"]).endswith("other.npz is not for 4 classes and 6 features")
    assert said["large"] == f"a mean beyond {head.limit}: compile the head with more bits"


def test_the_shipped_vectors_agree_and_the_notebook_runs(bench: Callable[..., tuple[Build, Path, Script]]) -> None:
    _, folder, script = bench("fewshot")
    cells = [c for c in json.loads((folder / "fewshot.ipynb").read_text())["cells"] if c["cell_type"] == "code"]
    texts = ["".join(c["source"]) for c in cells]
    for text in texts:
        ast.parse(text)
    said = script(
        "import ast, builtins, fewshot\n"
        "said['differences'] = len(net.compare())\n"
        "fewshot.Accelerator = lambda: net\n"
        "here = folder\n"
        "import os; os.chdir(folder)\n"
        "shown, space = [], {}\n"
        f"for text in {texts!r}:\n"
        "    tree = ast.parse(text)\n"
        "    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None\n"
        "    exec(compile(tree, 'cell', 'exec'), space)\n"
        "    shown.append(repr(eval(compile(ast.Expression(last.value), 'cell', 'eval'), space)) if last else '')\n"
        "said['shown'] = shown\n"
    )
    shown = said["shown"]
    assert isinstance(shown, list)
    assert said["differences"] == 0 and shown[2] == "2"
    assert len(labels := ast.literal_eval(shown[1])) == 4 and set(labels) <= {"first", "second"}
