"""A plain FINN build beside the exact integers; FINN itself runs where finn-plus is installed."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from isobit.backends.finn import environment
from isobit.check.rivals.departure import differences
from isobit.check.rivals.finn import beside, check_finn
from isobit.check.rivals.source import Source, cleaned
from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.errors import IsobitError
from tests.backends.finn.nets import mlp
from tests.cli.runner import isobit

LAYERS = [{"name": f"MultiThreshold_{i}", "op": "MultiThreshold"} for i in range(4)] + [{"name": "out", "op": "output"}]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    graph = cleaned(mlp().save(tmp_path), tmp_path / "clean.onnx")
    x = np.random.default_rng(0).normal(0, 0.4, (5, 16)).astype(np.float32)
    return Source(graph, evaluate_exact(tmp_path / "clean.onnx", {graph.input[0].name: x}, taps=True))


def reals(source: Source) -> list[tuple[float, int, np.ndarray]]:
    """Scale, least integer and integers of every quantiser of the activations, in order."""
    found = []
    for node in source.by_name.values():
        if node.op_type == "Quant" and source.compared(node):
            scale = source.scale(node.output[0])
            assert scale is not None
            exact = source.exact[node.output[0]]
            integers = np.array([int(v / scale / exact.den) for v in exact.num.reshape(-1)]).reshape(exact.num.shape)
            found.append((float(scale), source.least(node), integers))
    return found


@pytest.mark.parametrize("form", ["integers", "counted from the least", "reals"])
def test_every_form_of_a_quantiser_is_exact(source: Source, form: str) -> None:
    values = []
    for scale, least, integers in reals(source):
        forms = {"integers": integers, "counted from the least": integers - least, "reals": integers * scale}
        values.append(forms[form].astype(np.float64))
    layers = beside(LAYERS, [*values, values[-1]], source)
    assert len(layers) == 5 and not any(layer.different for layer in layers)


def test_the_first_layer_that_leaves_is_named_with_its_step(source: Source) -> None:
    values = [integers.astype(np.float64) for _, _, integers in reals(source)]
    values[1][2, 3] += 2
    values[2][0, 0] -= 1
    layers = beside(LAYERS, [*values, values[-1]], source)
    assert [layer.different for layer in layers] == [0, 1, 1, 0, 0] and layers[1].worst == 2
    assert layers[1].first.startswith("sample 2, element 3")


def test_what_is_no_build_of_finns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsobitError, match="E619"):
        check_finn(tmp_path, mlp().save(tmp_path))
    (tmp_path / "intermediate_models").mkdir()
    (tmp_path / "intermediate_models" / "step_tidy_up.onnx").write_bytes(b"")
    (tmp_path / "other.onnx").write_bytes(b"")
    done = isobit("check-finn", tmp_path)
    assert done.status == 2 and "2 ONNX files" in done.err


def test_what_is_no_number_is_no_integer() -> None:
    values, exact = np.array([[np.nan, 2.0], [np.inf, 5.0]]), [[Fraction(1), Fraction(2)], [Fraction(3), Fraction(4)]]
    different, worst, first = differences(values, exact, Fraction(1), Fraction(1), rounds=True)
    assert (different, worst) == (3, np.inf) and first == "sample 0, element 0: nan, exactly 1"


def test_a_build_of_which_nothing_was_compared_is_not_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "intermediate_models").mkdir()
    (tmp_path / "intermediate_models" / "step_tidy_up.onnx").write_bytes(b"")
    record = {"model": "step_tidy_up.onnx", "layers": [], "why": "ValueError: no shape"}
    monkeypatch.setattr("isobit.check.rivals.finn.run_script", lambda *_, **__: [record])
    with pytest.raises(IsobitError, match=r"E619.*no shape"):
        check_finn(tmp_path, mlp().save(tmp_path))


PLAIN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import check
work = Path(sys.argv[3]); check.prepare(work)
from finn.builder.build_dataflow_config import DataflowBuildConfig
from finn.builder.build_dataflow_steps import build_dataflow_step_lookup as steps
from qonnx.core.modelwrapper import ModelWrapper
config = DataflowBuildConfig(output_dir=str(work), synth_clk_period_ns=10.0, fpga_part="xc7z020clg400-1",
                             generate_outputs=[], standalone_thresholds=True)
model = ModelWrapper(sys.argv[2]); (work / "intermediate_models").mkdir()
for name in ("step_qonnx_to_finn", "step_tidy_up", "step_streamline", "step_convert_to_hw"):
    model = steps[name](model, config)
    model.save(str(work / "intermediate_models" / f"{name}.onnx"))
"""


@pytest.mark.slow
@pytest.mark.skipif(not environment.installed(), reason="finn-plus is not installed: isobit finn setup")
def test_finn_itself_is_followed_step_by_step(tmp_path: Path) -> None:
    from isobit.templates import root

    model = mlp().save(tmp_path)
    work = tmp_path / "finn"
    work.mkdir()
    command = [str(environment.python()), "-c", PLAIN, str(root() / "finn"), str(model), str(work)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    steps = check_finn(work, model)
    assert [step.name for step in steps][-1] == "step_convert_to_hw" and all(len(step.layers) == 5 for step in steps)
    assert not any(step.first for step in steps)
