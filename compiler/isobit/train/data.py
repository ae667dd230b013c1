"""Data sets in memory: scikit-learn's digits, and what lies in a folder of the user's own."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isobit.errors import IsobitError, printable

IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm"}
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Data:
    """Inputs float32 [N, ...] and class labels int64 [N], to train with and to test with."""

    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor

    @property
    def classes(self) -> int:
        """How many classes there are, counted from label 0."""
        return int(max(self.train_labels.max(), self.test_labels.max())) + 1


def digits(*, flat: bool = False, test_share: float = 0.25, seed: int = 0) -> Data:
    """scikit-learn's 1797 digits: [N, 1, 8, 8], or [N, 64] if ``flat``, grey levels 0..16; a seeded, even split.

    Raises:
        IsobitError: E303 if scikit-learn is not installed.
    """
    load = _package("sklearn.datasets", "scikit-learn").load_digits
    split = _package("sklearn.model_selection", "scikit-learn").train_test_split
    x, y = load(return_X_y=True)
    x = x.astype(np.float32) if flat else x.astype(np.float32).reshape(-1, 1, 8, 8)
    x_train, x_test, y_train, y_test = split(x, y, test_size=test_share, random_state=seed, stratify=y)
    return _data(x_train, y_train, x_test, y_test)


def load_data(path: str | Path) -> Data:
    """A data set from a local file or folder.

    Either an ``.npz`` file with ``x_train``, ``y_train``, ``x_test``, ``y_test`` (numbers; labels from 0), or a folder
    ``train/CLASS/IMAGE`` and ``test/CLASS/IMAGE``: classes are numbered in the order of their names, images must have
    one size and become [N, 1 or 3, H, W] with the levels 0..255.

    Raises:
        IsobitError: E305 for what is missing or does not fit, E303 if images need Pillow and it is not installed.
    """
    path = Path(path)
    return _from_folder(path) if path.is_dir() else _from_npz(path)


def _from_npz(path: Path) -> Data:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = [np.asarray(arrays[name]) for name in _ARRAYS]
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        hint = "save it with numpy.savez(path, " + ", ".join(f"{name}=..." for name in _ARRAYS) + ")"
        raise IsobitError("E305", printable(error), where=str(path), hint=hint) from error
    for (x, y), part in zip((found[:2], found[2:]), ("train", "test"), strict=True):
        _check(x, y, f"{path}: {part}")
    return _data(*found)


def _check(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], where: str) -> None:
    whole = y.ndim == 1 and y.dtype.kind in "iu" and len(y) == len(x) > 0 and y.min() >= 0
    if not whole or x.dtype.kind not in "iuf" or not np.isfinite(x).all():
        message = f"inputs {x.dtype} {x.shape} and labels {y.dtype} {y.shape}"
        raise IsobitError("E305", message, where=where, hint="one finite input and one label from 0 for each sample")


def _from_folder(path: Path) -> Data:
    parts = {part: _classes(path / part) for part in ("train", "test")}
    if set(parts["test"]) != set(parts["train"]):
        raise IsobitError("E305", "train and test have different classes", where=str(path))
    names = sorted(parts["train"])
    train, test = (_images(part, names) for part in parts.values())
    if train[0].shape[1:] != test[0].shape[1:]:
        raise IsobitError("E305", f"images {train[0].shape[1:]} to train, {test[0].shape[1:]} to test", where=str(path))
    return _data(*train, *test)


def _classes(folder: Path) -> dict[str, list[Path]]:
    """Class name to its images, sorted."""
    folders = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    found = {p.name: sorted(f for f in p.iterdir() if f.suffix.lower() in IMAGES) for p in folders}
    if not found or not all(found.values()):
        hint = "arrange the images as train/CLASS/IMAGE and test/CLASS/IMAGE"
        raise IsobitError("E305", "there is no folder of images per class", where=str(folder), hint=hint)
    return found


def _images(found: dict[str, list[Path]], names: list[str]) -> tuple[Any, Any]:
    read = _reader()
    arrays = [(read(file), label, file) for label, name in enumerate(names) for file in found[name]]
    shape = arrays[0][0].shape
    for array, _, file in arrays:
        if array.shape != shape:
            message = f"the image is {array.shape}, the first one {shape} (channels, height, width)"
            raise IsobitError("E305", message, where=str(file), hint="scale the images to one size")
    return np.stack([a for a, _, _ in arrays]), np.array([label for _, label, _ in arrays])


def _reader() -> Callable[[Path], np.ndarray[Any, Any]]:
    pillow = _package("PIL.Image", "pillow")

    def read(file: Path) -> np.ndarray[Any, Any]:
        try:
            with pillow.open(file) as image:
                array = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"), np.float32)
        except OSError as error:
            raise IsobitError("E305", "the image cannot be read", where=str(file)) from error
        return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)

    return read


def _data(x_train: Any, y_train: Any, x_test: Any, y_test: Any) -> Data:
    def inputs(x: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(x, np.float32))

    def labels(y: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(y, np.int64))

    return Data(inputs(x_train), labels(y_train), inputs(x_test), labels(y_test))


def _package(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise IsobitError("E303", f"{name} is not installed", hint=f"pip install {name}") from error
