"""The HTML page: well formed, self-contained, and safe whatever a model calls its parts."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import isobit as isobit_package
from isobit.backends.dataflow.planner import PlanRequest
from isobit.build.folder import load_build
from isobit.report.page import html_page
from isobit.report.result import report, summarise
from tests.cli.runner import isobit, small_model
from tests.onnx_builder import Net
from tests.pynq.conftest import wide_model

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}\u202e&amp;"
VOID = {"meta", "link", "br", "hr", "img", "input", "rect", "path"}


class Page(HTMLParser):
    """A page's tags and texts; refuses what is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.texts.append(data)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    assert isobit("compile", small_model(folder), "-o", folder / "build").status == 0
    assert isobit("csim", folder / "build", "-n", 30).status == 0
    return folder / "build"


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build whose file, input and nodes have names that would like to be markup."""
    folder = tmp_path_factory.mktemp("evil")
    net = Net([1, 4], name=EVIL)
    weights = net.quant([[0.5], [1.0], [-0.5], [1.5]], 0.5, 0.0, 4)
    net.quant(net.op("MatMul", net.quant(EVIL, 0.5, 0.0, 4), weights), 0.7, 0.0, 4)
    model = net.model()
    for number, node in enumerate(model.graph.node):
        node.name = f"{EVIL}{number}"
    path = folder / f"{EVIL.replace('/', '')}.onnx"
    path.write_bytes(model.SerializeToString())
    assert isobit("compile", path, "-o", folder / "build").status == 0
    return folder / "build"


def page_of(build: Path) -> str:
    return html_page(report(load_build(build)))


def test_the_page_shows_every_part(build: Path) -> None:
    loaded = load_build(build)
    text = " ".join(" ".join(Page(page_of(build)).texts).split())
    for heading in ("Resources", "Verdicts", "Graph", "Layers", "Requantizers", "Accumulators", "FIFOs"):
        assert heading in text
    for layer in summarise(loaded).layers:
        assert layer.name in text
    assert "faithful 30 60 0" in text and "native 30 60 0" in text and "equal" in text
    assert "Exact arithmetic: 60 outputs, 0 mismatches" in text
    assert "Not run yet: isobit csim --bounded" in text


def test_the_graph_has_a_box_for_every_layer_and_links_to_its_row(build: Path) -> None:
    page, layers = Page(page_of(build)), summarise(load_build(build)).layers
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    rows = {attrs.get("id") for tag, attrs in page.tags if tag == "tr"}
    assert len(links) == len(layers) and {str(link)[1:] for link in links} <= rows
    made = report(load_build(build))
    drawn = [made.histograms, made.activations, made.weights]
    assert [len(part) for part in drawn] == [2, 3, 2]
    assert sum(attrs.get("class") == "bars" for _, attrs in page.tags) == 7


@pytest.mark.parametrize("which", ["build", "evil"])
def test_nothing_is_loaded_and_nothing_runs(which: str, request: pytest.FixtureRequest) -> None:
    text = page_of(request.getfixturevalue(which))
    page = Page(text)
    assert {tag for tag, _ in page.tags} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
    } == set()
    for tag, attrs in page.tags:
        assert not any(name.startswith("on") for name in attrs), tag
        for name in ("src", "href", "data", "srcset", "action", "xlink:href"):
            assert attrs.get(name) is None or re.fullmatch(r"#layer-\d+", attrs[name] or ""), (tag, attrs)
    style = text[text.index("<style>") : text.index("</style>")]
    assert not re.search(r"url\(|@import|https?:|//\w", style)
    policy = [a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_hostile_names_are_shown_as_they_are(evil: Path) -> None:
    text = " ".join(Page(page_of(evil)).texts)
    assert "<script>alert(1)<" in text and "{{ 7*7 }}" in text and "&amp;" in text and "\\u202e" in text


def test_two_pages_are_byte_identical(build: Path, tmp_path: Path) -> None:
    for name in "ab":
        assert isobit("report", build, "-o", tmp_path / name).status == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_command_names_the_page_and_the_verdicts(build: Path) -> None:
    done = isobit("report", build)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[:2] == [
        "C++ = graph = source: equal to exact arithmetic",
        "planned FIFO depths: not run yet",
    ]
    assert (build / "report.html").is_file() and "report.html" in done.out
    assert isobit("csim", build, "-n", 5, "--no-source").status == 0, "a page in the folder leaves the build intact"


def test_a_page_that_cannot_be_written_is_refused(build: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = isobit("report", build, "-o", tmp_path / "file" / "page.html")
    assert done.status == 2 and done.err.startswith("E601: ") and (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("output", [".", "..", "/"])
def test_a_folder_in_the_pages_place_is_refused(
    build: Path, tmp_path: Path, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = isobit("report", build, "-o", output)
    assert done.status == 2 and done.err.startswith("E601: ") and not list(tmp_path.iterdir())


def test_json_is_printed_and_goes_to_no_file(build: Path, tmp_path: Path) -> None:
    done = isobit("report", build, "--json", "-o", tmp_path / "x")
    assert done.status == 2 and done.out == "" and not (tmp_path / "x").exists()


def test_from_python_the_page_is_the_commands(build: Path, tmp_path: Path) -> None:
    page = isobit_package.write_report(isobit_package.load(build), str(tmp_path / "page.html"))
    assert isobit("report", build, "-o", tmp_path / "again.html").status == 0
    assert page == tmp_path / "page.html" and page.read_bytes() == (tmp_path / "again.html").read_bytes()


def test_folding_shows_samples_per_clock_where_there_are_several(tmp_path: Path) -> None:
    plain = isobit_package.compile(wide_model(tmp_path), tmp_path / "plain", plan_request=PlanRequest(interval=100_000))
    wide = isobit_package.compile(wide_model(tmp_path), tmp_path / "wide", plan_request=PlanRequest(samples=8))
    for build, factors in ((plain, 2), (wide, 3)):
        (layer,) = (layer for layer in summarise(build).layers if layer.op == "linear")
        cell = re.search(r'data-label="PE × SIMD">([^<]*)<', page_of(build.path).partition(f">{layer.name}\n")[2])
        assert cell is not None and len(cell[1].split(" × ")) == factors
    pe, simd, samples = layer.factors
    assert samples == 8 and cell[1] == f"{pe} × {simd} × 8"
    assert f"PE {pe}, SIMD {simd}, 8 samples per clock" in isobit("explain", wide.path, layer.name).out


def test_the_layer_table_names_multiplicands_with_their_proofs(build: Path) -> None:
    made = report(load_build(build))
    text = " ".join(Page(html_page(made)).texts)
    for step in made.proofs:
        assert f"{step.bits}-bit multiplicands, proof holds" in text
    broken = tuple(replace(step, problem="wrong") for step in made.proofs)
    assert "multiplicands, proof fails" in html_page(replace(made, proofs=broken))
