"""The rules that keep the whole simple: which way imports point, what may not be said, how long a file may be."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "compiler" / "isobit"
ORDER = (
    "errors kinds wording version rendering templates subprocesses numerics custom_op hardware ir interp passes "
    "fewshot interchange backends rescale build check container pynq report flow api explore demo cli"
).split()  # each may import what stands before it
SIDE = ("frontend", "refitting", "train")  # real numbers end there: they know only numbers and the graph
BELOW_SIDE = {"errors", "kinds", "version", "numerics", "ir"}
ABOVE_SIDE = {"check", "container", "pynq", "report", "flow", "api", "explore", "demo", "cli"}
TORCH = {"torch", "torchvision", "brevitas"}
MAY_USE_TORCH = (PACKAGE / "train", PACKAGE / "frontend" / "brevitas.py")
ORACLES: dict[str, set[str]] = {"exact": set()}
"""The rooms of ``check/source`` that evaluate a file, and what each may import beside itself and the errors."""
TOLERANCE = re.compile(r"\b(atol|rtol|abs_tol|rel_tol|allclose|isclose|approx|assert_almost_equal|assertAlmostEqual)\b")
MAX_LINES = 300
TEXT = {".py", ".hpp", ".h", ".cpp", ".j2", ".tcl", ".cfg", ".toml", ".json", ".ipynb", ".md", ".txt"}

SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def running(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it but what only a type checker sees."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from running(child)


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports when it runs, with dots; relative imports as they stand."""
    for node in running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            yield prefix
            if prefix == "isobit":
                yield from (f"isobit.{alias.name}" for alias in node.names)


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def allowed(importer: str) -> set[str]:
    """The layers that ``importer`` may import, itself included."""
    if importer in SIDE:
        return {importer, *BELOW_SIDE} | ({"frontend"} if importer == "refitting" else set())
    before = set(ORDER[: ORDER.index(importer) + 1])
    return before | set(SIDE) if importer in ABOVE_SIDE else before


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_imports_point_one_way(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return
    reached = {name.split(".")[1] for name in imports(path) if name.startswith("isobit.")}
    assert layer(path) in {*ORDER, *SIDE}
    assert reached <= allowed(layer(path))
    assert not any(name.startswith(".") for name in imports(path)), "imports are absolute"


def module(path: Path) -> str:
    """A file's dotted name; a package's for its ``__init__.py``."""
    parts = ["isobit", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def reached_files(path: Path, known: set[str]) -> set[str]:
    """The modules of the package that a file names in any import, also where only a type checker or a call comes by."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in known else node.module for name in inner}
    return (found & known) - {module(path)}


def circle(reached: dict[str, set[str]]) -> set[str]:
    """What is left when nothing can be taken away any more that reaches only what was taken: empty without a circle."""
    left = dict(reached)
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    return set(left)


def test_no_two_files_need_each_other() -> None:
    known = {module(path) for path in SOURCES}
    assert circle({module(path): reached_files(path, known) for path in SOURCES}) == set()


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == set()
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == {"a", "b", "c", "d"}


@pytest.mark.parametrize("room", sorted(ORACLES))
def test_an_oracle_shares_no_code_with_what_it_judges(room: str) -> None:
    """The second verdict is worth something only where a fault of the compiler cannot also be the oracle's.

    What evaluates a source file therefore reads the file by itself (parsers of other projects are welcome: they are
    not what is judged) and has its own arithmetic. It may share the way a refusal is written, ``isobit.errors``, and
    its own room. It may not import: ``isobit.numerics`` (rounding, square roots, staircases), any of
    ``isobit.frontend`` (the loader, its constant folding, its expansions of operators, its layouts, and its plain
    records, which that loader fills), ``isobit.ir`` and ``isobit.interp`` (the meaning under test), ``isobit.passes``,
    ``isobit.build`` and the back ends. What lays the oracle's numbers beside the graph's
    (``check/source/compare.py``, ``ties.py``) sees both sides by its nature and is no oracle.
    """
    place, files = f"isobit.check.source.{room}", sorted((PACKAGE / "check" / "source" / room).rglob("*.py"))
    assert len(files) > 1
    for path in files:
        own = {name for name in imports(path) if name.split(".")[0] == "isobit"}
        foreign = {name for name in own if not name.startswith(place) and name.split(".")[:2] != ["isobit", "errors"]}
        assert foreign <= ORACLES[room], (shown(path), sorted(foreign - ORACLES[room]))


JUDGES = PACKAGE / "check" / "source" / "tflite"
BESIDE = {"verdict", "oracles", "layers", "__init__"}  # they lay the graph beside what the others find


@pytest.mark.parametrize("path", sorted(JUDGES.glob("*.py")), ids=shown)
def test_the_evaluator_of_tflite_files_shares_nothing_with_the_importer(path: Path) -> None:
    """Its reading of the file and its arithmetic are its own: a fault of the importer's cannot be its own too."""
    own = {"isobit.errors", *(f"isobit.check.source.tflite{part}" for part in ("", *(f".{p.stem}" for p in SOURCES)))}
    reached = {name for name in imports(path) if name.startswith("isobit")}
    if path.stem in BESIDE:
        return
    assert reached <= own
    assert not reached & {f"isobit.check.source.tflite.{name}" for name in BESIDE}
    assert "tflite" not in {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_torch_stays_where_models_are_trained(path: Path) -> None:
    if not any(path.is_relative_to(place) for place in MAY_USE_TORCH):
        assert not {name.split(".")[0] for name in imports(path)} & TORCH


def test_compiling_a_file_loads_no_torch() -> None:
    code = "import sys, isobit.frontend.qonnx.importer, isobit.interp; print([m for m in sys.modules if m in {}])"
    run = subprocess.run(
        [sys.executable, "-c", code.replace("{}", repr(TORCH))], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(PACKAGE.parent)},
    )  # fmt: skip
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=shown)
def test_nothing_is_nearly_equal(path: Path) -> None:
    if path != Path(__file__):
        assert not TOLERANCE.findall(path.read_text(encoding="utf-8"))


def only_narrows(test: ast.expr) -> bool:
    """Does an assert only tell the type checker what a value is (``isinstance``, ``is not None``)?"""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return all(only_narrows(part) for part in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return only_narrows(test.operand)
    if isinstance(test, ast.Call):
        return isinstance(test.func, ast.Name) and test.func.id == "isinstance"
    none = isinstance(test, ast.Compare) and isinstance(test.comparators[0], ast.Constant)
    return none and isinstance(test.ops[0], ast.IsNot) and test.comparators[0].value is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_no_promise_is_an_assert(path: Path) -> None:
    """``python -O`` removes asserts: what must hold is checked by :func:`isobit.errors.promised`."""
    asserts = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Assert)]
    assert [ast.unparse(n) for n in asserts if not only_narrows(n.test)] == []


def test_the_words_are_found_where_they_stand() -> None:
    assert TOLERANCE.findall("np.allclose(a, b, rtol=1) or approximate") == ["allclose", "rtol"]


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=shown)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_files_stay_short() -> None:
    files = [p for place in (PACKAGE, ROOT / "templates") for p in place.rglob("*") if p.suffix in TEXT]
    assert len(files) > len(SOURCES)
    long = {shown(p): n for p in files if (n := len(p.read_text(encoding="utf-8").splitlines())) > MAX_LINES}
    assert not long


def test_no_room_has_the_name_of_a_public_function() -> None:
    """Importing a room would put it in the function's place: ``isobit.refit`` was lost so."""
    public = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    assigned = {getattr(n.targets[0], "id", ""): n.value for n in public.body if isinstance(n, ast.Assign)}
    rooms = {p.stem for p in PACKAGE.iterdir() if p.is_dir() or p.suffix == ".py"}
    assert rooms & set(ast.literal_eval(assigned["__all__"])) == set()


def test_findings_can_be_run_and_stand_in_their_table() -> None:
    folder = ROOT / "findings"
    scripts = sorted(folder.glob("*.sh"))
    rows = re.findall(r"^\| `([\w-]+)` \|", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [script.stem for script in scripts] == rows
    assert [script.name for script in scripts if not os.access(script, os.X_OK)] == []
