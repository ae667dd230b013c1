"""The networks: what a mark stands for, what the float twin shares, and that the built graph is what was trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import isobit
from isobit.backends.dataflow.planner import PlanRequest
from isobit.errors import IsobitError
from isobit.interp import quantise, run
from isobit.train.peaks import (
    DESIGNS,
    LINE,
    PROFILE,
    Detector,
    LineNet,
    Profiles,
    Recipe,
    Signal,
    detector,
    generate,
    load_detectors,
    network,
    profiles_of,
    save_detectors,
    train,
    training,
)  # fmt: skip
from isobit.train.peaks.networks import in_order
from isobit.train.peaks.training import peak_loss, tensors

SHORT = Recipe(steps=12, more=6, profiles=600, batch=64)


def test_every_sample_of_a_line_has_its_own_mark() -> None:
    assert LINE.stride == 4 and np.array_equal(LINE.places(64).numpy(), np.arange(64.0))
    assert PROFILE.stride == 2 and np.array_equal(PROFILE.places(64).numpy(), np.arange(0.5, 64, 2))


@pytest.mark.parametrize("bits", [0, 2, 8])
def test_shapes_and_the_order_of_marks(bits: int) -> None:
    x = tensors(generate(5, 1))[0]
    with torch.no_grad():
        marks, sums = network(LINE, bits).eval()(x), network(PROFILE, bits).eval()(x)
    assert marks.shape == (5, 4, 16) and sums.shape == (5, 2)
    assert torch.equal(in_order(marks)[2, 4 * 7 + 3], marks[2, 3, 7])


def test_weights_are_seeded_and_torchs_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = network(LINE, 2, 3), network(LINE, 2, 3), network(LINE, 2, 4)
    assert torch.equal(torch.get_rng_state(), before)
    pairs = list(zip(first.parameters(), again.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs) and not all(torch.equal(a, c) for a, _, c in pairs)


@pytest.mark.parametrize("bits", [1, 9, -2])
def test_other_widths_are_refused(bits: int) -> None:
    with pytest.raises(IsobitError) as caught:
        network(LINE, bits)
    assert caught.value.code == "E304" and str(bits) in str(caught.value)


def test_what_a_twin_hands_over_differs_by_roundings_only() -> None:
    """A twin whose weights, slopes and offsets need no rounding is taken over without any difference."""
    design = replace(LINE, layers=(LINE.layers[0],), pool=1, multiplicand_bits=16)
    twin, taken = network(design, 0), network(design, 8)
    with torch.no_grad():
        clip, sums = twin.requantizers[0], twin.convolutions[0]
        sums.weight.copy_(torch.tensor([[1.0, 2, 127, -4, 0, 3, -5, 6], [127, 0, -64, 8, 1, -2, 0, 7]])[:, None] / 127)
        sums.scale.fill_(1 / 127)
        clip.initial.fill_(2.0**-6)
        clip.lift.copy_(torch.tensor([0.25, -0.5]))
        clip.gain.fill_(1.0)
    taken.adopt(twin)
    x = tensors(generate(50, 2))[0]
    with torch.no_grad():
        assert torch.equal(taken.eval().judged(x)[0], twin.eval().judged(x)[0])


@pytest.mark.parametrize("name", sorted(DESIGNS))
def test_the_float_twin_has_the_parameters_of_the_8_bit_network(name: str) -> None:
    sizes = [sorted(tuple(p.shape) for p in network(DESIGNS[name], bits).parameters()) for bits in (0, 8)]
    assert sizes[0] == sizes[1]


@pytest.fixture(scope="module")
def trained() -> dict[tuple[str, int], LineNet]:
    torch.set_num_threads(1)  # this runs before the fixture of every test that does so
    return {(d, b): net for d in DESIGNS for b, net in train(DESIGNS[d], [0, 2, 4], SHORT).items()}


def test_training_depends_on_its_arguments_only(trained: dict[tuple[str, int], LineNet]) -> None:
    again = train(LINE, [2], SHORT)[2]
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), trained["line", 2].parameters(), strict=True))


def test_training_lowers_the_loss() -> None:
    recipe = replace(SHORT, steps=60)
    data = generate(600, 9)
    (x, centres), places = tensors(data), LINE.places(64).float()
    recipes = (replace(recipe, steps=0, more=0), recipe)
    losses = [float(peak_loss(train(LINE, [0], r)[0], x, centres, places).detach()) for r in recipes]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("name", sorted(DESIGNS))
def test_the_graph_is_the_trained_network(
    name: str, bits: int, trained: dict[tuple[str, int], LineNet], tmp_path: Path
) -> None:
    model, data = trained[name, bits], generate(200, 8)
    request = PlanRequest(samples=4 if name == "line" else 0)
    build = isobit.compile(model, tmp_path / "build", input_shape=(1, 64), plan_request=request)
    (entry,), (exit_,) = build.graph.inputs, build.graph.outputs
    x = tensors(data)[0]
    integers = quantise(entry, x.numpy())
    scales = np.array([float(s) for s in exit_.scale]).reshape((-1,) + (1,) * (name == "line"))
    with torch.no_grad():  # torch multiplies by the head's scale in float32: the integers are what must be equal
        wanted = np.rint(model(x).numpy() / scales).astype(np.int64)
    made = run(build.graph, {entry.name: integers})[exit_.name]
    assert np.array_equal(made.transpose(0, 2, 1) if name == "line" else made, wanted)
    result = isobit.csim(build, x.numpy(), source=False)
    assert result.equal and result.runs[0].vectors == 200


def test_detectors_are_written_and_read_back(trained: dict[tuple[str, int], LineNet], tmp_path: Path) -> None:
    made = {key: Detector(model, 0.5 + key[1]) for key, model in trained.items()}
    save_detectors(tmp_path / "some.npz", made)
    data = generate(100, 6)
    for key, found in load_detectors(tmp_path / "some.npz").items():
        assert found.threshold == made[key].threshold
        for field in ("position", "score"):
            assert np.array_equal(getattr(found(data), field), getattr(made[key](data), field))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["some.npz"]


def test_files_that_hold_no_detectors_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    np.savez(tmp_path / "strange.npz", **{"cube/2/threshold": np.zeros(())})
    (tmp_path / "text.npz").write_text("no")
    for name in ("other.npz", "strange.npz", "text.npz", "absent.npz"):
        with pytest.raises(IsobitError) as caught:
            load_detectors(tmp_path / name)
        assert caught.value.code == "E306" and name in str(caught.value)


def test_profiles_of_your_own_train_a_network_and_must_have_its_length() -> None:
    own = generate(300, 4)
    data = profiles_of(own.samples, own.centre)
    found = detector(train(PROFILE, [4], replace(SHORT, steps=4, more=2), data)[4])
    assert found(data).position.shape == (300,)
    for short in (Profiles(*(getattr(data, n)[:, :62] if n == "samples" else getattr(data, n)
                             for n in Profiles.__dataclass_fields__)), data.part(slice(0, 0))):  # fmt: skip
        with pytest.raises(IsobitError) as caught:
            train(LINE, [2], SHORT, short)
        assert caught.value.code == "E305"


def test_a_loss_that_is_no_number_ends_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clips keep the loss finite whatever the rate, so it is made to fail."""
    monkeypatch.setattr(training, "peak_loss", lambda *_: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(IsobitError) as caught:
        train(LINE, [0], SHORT)
    assert caught.value.code == "E307" and "step 0" in str(caught.value)


def test_another_signal_trains_as_well() -> None:
    assert train(LINE, [0], replace(SHORT, steps=2, more=0, signal=Signal(samples=128)))[0].bits == 0
