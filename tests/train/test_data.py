"""Data sets from scikit-learn, from an npz file and from folders of images; refusals are coded."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.train import digits, load_data
from tests.train.nets import first_difference

ARRAYS = {
    "x_train": np.zeros((3, 1, 2, 2), np.uint8), "y_train": np.array([0, 1, 2]),
    "x_test": np.ones((2, 1, 2, 2), np.uint8), "y_test": np.array([1, 0]),
}  # fmt: skip


def test_the_digits_are_split_evenly_and_always_alike() -> None:
    data, again, flat = digits(), digits(), digits(flat=True)
    assert data.train_inputs.shape == (1347, 1, 8, 8) and data.test_inputs.shape == (450, 1, 8, 8)
    assert data.classes == 10 and set(data.test_labels.bincount().tolist()) <= {43, 44, 45, 46}
    first_difference("again", again.test_inputs.numpy(), data.test_inputs.numpy())
    first_difference("flat", flat.test_inputs.numpy(), data.test_inputs.flatten(1).numpy())


def test_an_npz_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", **ARRAYS)  # type: ignore[arg-type]
    data = load_data(tmp_path / "data.npz")
    assert data.train_inputs.shape == (3, 1, 2, 2) and data.classes == 3
    first_difference("labels", data.test_labels.numpy(), ARRAYS["y_test"])
    first_difference("inputs", data.test_inputs.numpy(), np.ones((2, 1, 2, 2), np.float32))


@pytest.mark.parametrize(
    "change",
    [
        {"y_train": np.array([0, 1])},
        {"y_test": np.array([0, -1])},
        {"y_test": np.array([0.0, 1.0])},
        {"x_test": np.full((2, 1, 2, 2), np.nan)},
        {"x_train": np.array([["a"], ["b"], ["c"]])},
        {"x_train": np.zeros((0, 1, 2, 2)), "y_train": np.zeros(0, int)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", **(ARRAYS | change))  # type: ignore[arg-type]
    with pytest.raises(IsobitError) as refusal:
        load_data(tmp_path / "data.npz")
    assert refusal.value.code == "E305"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text"])
def test_a_file_that_is_no_npz_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(content)
    for name in ("data.npz", "absent.npz"):
        with pytest.raises(IsobitError) as refusal:
            load_data(tmp_path / name)
        assert refusal.value.code == "E305" and "x_train" in refusal.value.hint


def test_an_npz_file_without_an_array_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x_train=ARRAYS["x_train"])
    with pytest.raises(IsobitError, match="y_train"):
        load_data(tmp_path / "data.npz")


def folder(root: Path, sizes: dict[str, tuple[int, int]]) -> Path:
    """``part/class`` to an image size (width, height)."""
    image = pytest.importorskip("PIL.Image", reason="pillow is not installed: image folders are not tested")
    for number, (name, size) in enumerate(sizes.items()):
        (root / name).mkdir(parents=True)
        image.new("L", size, number).save(root / name / "a.png")
    return root


def test_a_folder_of_images(tmp_path: Path) -> None:
    names = ("train/cat", "train/dog", "test/cat", "test/dog")
    data = load_data(folder(tmp_path, dict.fromkeys(names, (3, 2))))
    assert data.train_inputs.shape == (2, 1, 2, 3) and data.train_inputs.flatten(1).unique(
        dim=1
    ).flatten().tolist() == [0, 1]
    assert data.test_labels.tolist() == [0, 1] and data.test_inputs[1].unique().tolist() == [3.0]


@pytest.mark.parametrize(
    "sizes",
    [
        {"train/cat": (3, 2), "test/cat": (2, 3)},
        {"train/cat": (3, 2), "train/dog": (3, 3), "test/cat": (3, 2), "test/dog": (3, 2)},
        {"train/cat": (3, 2), "test/dog": (3, 2)},
        {"train/cat": (3, 2)},
    ],
)
def test_folders_that_do_not_fit_are_refused(sizes: dict[str, tuple[int, int]], tmp_path: Path) -> None:
    with pytest.raises(IsobitError) as refusal:
        load_data(folder(tmp_path, sizes))
    assert refusal.value.code == "E305"


def test_an_image_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    root = folder(tmp_path, {"train/cat": (3, 2), "test/cat": (3, 2)})
    (root / "train" / "cat" / "b.png").write_bytes(b"no image")
    with pytest.raises(IsobitError, match="cannot be read") as refusal:
        load_data(root)
    assert refusal.value.code == "E305" and refusal.value.where.endswith("b.png")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsobitError) as refusal:
        load_data(tmp_path)
    assert refusal.value.code == "E305" and "train/CLASS/IMAGE" in refusal.value.hint


@pytest.mark.parametrize("missing", ["sklearn.datasets", "PIL.Image"])
def test_a_package_that_is_not_installed_is_named(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    for part in ("train", "test"):
        (tmp_path / part / "cat").mkdir(parents=True)
        (tmp_path / part / "cat" / "a.png").write_bytes(b"")
    with pytest.raises(IsobitError, match="not installed") as refusal:
        digits() if missing.startswith("sk") else load_data(tmp_path)
    assert refusal.value.code == "E303" and refusal.value.hint.startswith("pip install")
