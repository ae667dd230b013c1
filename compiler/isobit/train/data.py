"""Data sets in memory: scikit-learn's digits, and what lies in a folder of the user's own."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from isobit.errors import IsobitError, printable
from isobit.kinds import Limits, of_kind

IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm"}
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True, init=False)
class Data:
    """Inputs float32 [N, ...] and class labels int64 [N], to train with and to test with.

    Made of arrays, tensors or lists: ``Data(x, y)`` holds a quarter of the samples back to test with, by ``seed``, and
    ``Data(x, y, x_test, y_test)`` takes them as they are.

    Raises:
        IsobitError: E305 for what is no finite number with one label from 0 for each sample.
    """

    train_inputs: Tensor
    train_labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor

    def __init__(
        self, train_inputs: Any, train_labels: Any, test_inputs: Any = None, test_labels: Any = None, *,
        test_share: float = 0.25, seed: int = 0,
    ) -> None:  # fmt: skip
        if (test_inputs is None) != (test_labels is None):
            raise IsobitError("E305", "test inputs and test labels go together", hint="Data(x, y, x_test, y_test)")
        of_kind("test_share", test_share, Annotated[float, Limits(0, 1)])
        parts = [*samples_of(train_inputs, train_labels, "train")]
        if test_inputs is None:
            order = torch.from_numpy(np.random.default_rng(seed).permutation(len(parts[0])))
            held = min(max(round(len(order) * test_share), 1), len(order) - 1)
            if held < 1:
                raise IsobitError("E305", "one sample cannot be held back to test with", hint="Data(x, y, x, y)")
            kept, tested = order[held:].sort()[0], order[:held].sort()[0]
            parts = [parts[0][kept], parts[1][kept], parts[0][tested], parts[1][tested]]
        else:
            parts += samples_of(test_inputs, test_labels, "test")
        if parts[0].shape[1:] != parts[2].shape[1:]:
            what = f"samples of shape {tuple(parts[0].shape[1:])} to train, {tuple(parts[2].shape[1:])} to test"
            raise IsobitError("E305", what)
        for name, part in zip(self.__dataclass_fields__, parts, strict=True):
            object.__setattr__(self, name, part)

    def to(self, place: torch.device) -> Data:
        """The same on a device."""
        return Data(*(getattr(self, name).to(place) for name in self.__dataclass_fields__))

    @property
    def classes(self) -> int:
        """How many classes there are, counted from label 0."""
        return int(max(self.train_labels.max(), self.test_labels.max())) + 1


def data_of(given: Any) -> Data:
    """What stands for a data set, as one: :class:`Data`; ``(x, y)`` or ``(x, y, x_test, y_test)``; a DataLoader, a
    Dataset or anything that gives batches ``(x, y)``, which is read as a whole; a pair of any of these, to train and to
    test with; a path for :func:`load_data`.

    Raises:
        IsobitError: E305 for anything else, and where what a loader gives does not fit.
    """
    if isinstance(given, Data):
        return given
    if isinstance(given, str | Path):
        return load_data(given)
    if _is_loader(given):
        return Data(*_read(given))
    if isinstance(given, tuple | list) and len(given) == 4:
        return Data(*given)
    if isinstance(given, tuple | list) and len(given) == 2:
        both = [_read(part) if _is_loader(part) else part for part in given]
        if all(isinstance(part, tuple | list) and len(part) == 2 and hasattr(part[0], "shape") for part in both):
            return Data(*both[0], *both[1])
        return Data(*given)
    hint = "Data(x, y), (x, y), a DataLoader, or a pair of them to train and to test with"
    raise IsobitError("E305", f"{printable(type(given).__name__)} is no data set", hint=hint)


def _is_loader(given: Any) -> bool:
    if isinstance(given, str | tuple | list | dict) or hasattr(given, "shape"):
        return False
    return hasattr(given, "__iter__") or (hasattr(given, "__getitem__") and hasattr(given, "__len__"))


def _read(loader: Any) -> tuple[Tensor, Tensor]:
    """All that a loader gives, or a data set one sample at a time."""
    single = isinstance(loader, Dataset) and hasattr(loader, "__len__")
    where, found = printable(type(loader).__name__), []
    try:
        for item in (loader[i] for i in range(len(loader))) if single else loader:
            x, y = item
            pair = torch.as_tensor(np.asarray(x)), torch.as_tensor(np.asarray(y))
            found.append(tuple(part[None] for part in pair) if single else pair)
        if not found:
            raise IsobitError("E305", "it gives nothing", where=where)
        return torch.cat([x for x, _ in found]), torch.cat([y for _, y in found])
    except (TypeError, ValueError, RuntimeError, IndexError, KeyError) as error:
        hint = "pairs of inputs and labels, all inputs of one shape"
        raise IsobitError("E305", printable(error), where=where, hint=hint) from error


def samples_of(x: Any, y: Any, where: str) -> tuple[Tensor, Tensor]:
    """Inputs and labels as float32 and int64; nothing is copied that is of its type."""
    try:
        inputs, labels = (part if isinstance(part, Tensor) else torch.as_tensor(np.asarray(part)) for part in (x, y))
    except (TypeError, ValueError, RuntimeError) as error:
        raise IsobitError("E305", printable(error), where=where, hint="arrays of numbers, batch first") from error
    whole = not labels.dtype.is_floating_point and not labels.dtype.is_complex and labels.dtype != torch.bool
    if labels.ndim != 1 or not whole:
        found = f"labels {str(labels.dtype).removeprefix('torch.')} {tuple(labels.shape)}"
        hint = "y.argmax(1) makes classes of one-hot rows" if labels.ndim == 2 else "one whole number a sample, from 0"
        raise IsobitError("E305", found, where=where, hint=hint)
    if inputs.ndim < 1 or not len(inputs):
        raise IsobitError("E305", "there are no samples", where=where)
    if len(inputs) != len(labels) or int(labels.min()) < 0 or inputs.dtype.is_complex:
        kind = str(inputs.dtype).removeprefix("torch.")
        found = f"{len(inputs)} inputs {kind}, {len(labels)} labels from {labels.min()}"
        raise IsobitError("E305", found, where=where, hint="one input of real numbers and one label from 0 a sample")
    inputs = inputs.float()
    if not bool(torch.isfinite(inputs).all()):
        raise IsobitError("E305", "the inputs hold NaN or infinity", where=where)
    return inputs, labels.long()


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
    return Data(x_train, y_train, x_test, y_test)


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
    try:
        return Data(*found)
    except IsobitError as error:
        error.where = f"{path}: {error.where}"
        raise


def _from_folder(path: Path) -> Data:
    parts = {part: _classes(path / part) for part in ("train", "test")}
    if set(parts["test"]) != set(parts["train"]):
        raise IsobitError("E305", "train and test have different classes", where=str(path))
    names = sorted(parts["train"])
    train, test = (_images(part, names) for part in parts.values())
    if train[0].shape[1:] != test[0].shape[1:]:
        raise IsobitError("E305", f"images {train[0].shape[1:]} to train, {test[0].shape[1:]} to test", where=str(path))
    return Data(*train, *test)


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


def _package(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise IsobitError("E303", f"{name} is not installed", hint=f"pip install {name}") from error
