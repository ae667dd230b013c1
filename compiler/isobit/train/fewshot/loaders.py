"""miniImageNet, CIFAR-FS and CIFAR-10 as their authors ship them: a folder or an archive that the user has.

* CIFAR-FS (Bertinetto et al.): ``data/CLASS/IMAGE.png`` and ``splits/bertinetto/{train,val,test}.txt``.
* miniImageNet (Ravi and Larochelle): ``images/IMAGE.jpg`` and ``{train,val,test}.csv`` of file names and classes.
* CIFAR-10 (Krizhevsky), the binary version: ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin``.

Nothing is downloaded, nothing is unpacked to disk, and no code in a file is run (the Python version of CIFAR-10 is
pickles and is refused). A folder above the one named here does not matter.
"""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch

from isobit.errors import IsobitError, printable
from isobit.train.fewshot.splits import Part, Split

_RECORD = 1 + 3 * 32 * 32
CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


def cifar_fs(path: str | Path) -> Split:
    """CIFAR-FS: 64, 16 and 20 classes of 600 images, 32x32.

    Raises:
        IsobitError: E305 for what is missing or cannot be read, E303 without Pillow.
    """
    with _Files(Path(path)) as files:
        parts = []
        for name in ("train", "val", "test"):
            classes = files.read(f"splits/bertinetto/{name}.txt").decode().split()
            listed = [(f, label) for label, c in enumerate(classes) for f in files.below(f"data/{c}")]
            parts.append(_images(files, listed, classes, 32))
        return Split(*parts)


def mini_imagenet(path: str | Path, size: int = 84) -> Split:
    """miniImageNet: 64, 16 and 20 classes of 600 images, scaled to ``size`` pixels square.

    Raises:
        IsobitError: as :func:`cifar_fs`.
    """
    with _Files(Path(path)) as files:
        parts = []
        for name in ("train", "val", "test"):
            rows = list(csv.DictReader(io.StringIO(files.read(f"{name}.csv").decode())))
            if not rows or not {"filename", "label"} <= rows[0].keys():
                raise IsobitError("E305", f"{name}.csv has no columns filename and label", where=str(path))
            classes = sorted({row["label"] for row in rows})
            listed = [(files.find(f"images/{row['filename']}"), classes.index(row["label"])) for row in rows]
            parts.append(_images(files, listed, classes, size))
        return Split(*parts)


def cifar10(path: str | Path, *, test: bool = True) -> Part:
    """CIFAR-10's test batch, or its five training batches.

    Raises:
        IsobitError: E305 for what is missing or no batch.
    """
    names = ["test_batch.bin"] if test else [f"data_batch_{i}.bin" for i in range(1, 6)]
    with _Files(Path(path)) as files:
        raw = b"".join(files.read(name) for name in names)
    if not raw or len(raw) % _RECORD:
        raise IsobitError("E305", f"{len(raw)} bytes are no records of {_RECORD}", where=str(path))
    rows = np.frombuffer(raw, np.uint8).reshape(-1, _RECORD)
    labels = rows[:, 0].astype(np.int64)
    if labels.max() >= len(CIFAR10_CLASSES):
        raise IsobitError("E305", f"a label is {labels.max()} of 10 classes", where=str(path))
    images = np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, 32, 32))
    return Part(torch.from_numpy(images), torch.from_numpy(labels), CIFAR10_CLASSES)


def _images(files: _Files, listed: Sequence[tuple[str, int]], classes: Sequence[str], size: int) -> Part:
    """The images with their labels, [N, 3, size, size]."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise IsobitError("E303", "Pillow is not installed", hint="pip install pillow") from error
    counts = {label for _, label in listed}
    empty = next((c for i, c in enumerate(classes) if i not in counts), None)
    if empty is not None or not listed:
        raise IsobitError("E305", f"there are no images of {printable(empty)}", where=files.where)
    arrays = []
    for name, _ in listed:
        try:
            with Image.open(io.BytesIO(files.read(name))) as image:
                scaled = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
                arrays.append(np.asarray(scaled, np.uint8).transpose(2, 0, 1))
        except OSError as error:
            raise IsobitError("E305", "the image cannot be read", where=printable(name)) from error
    labels = torch.tensor([label for _, label in listed])
    return Part(torch.from_numpy(np.stack(arrays)), labels, tuple(classes))


class _Files:
    """The files of a folder, a zip or a tar archive, by the ends of their paths."""

    def __init__(self, path: Path) -> None:
        self.where, self._stack, self._read = str(path), ExitStack(), dict[str, Callable[[], bytes]]()
        try:
            self._open(path)
        except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
            hint = "the folder or archive as its authors ship it"
            raise IsobitError("E305", printable(error), where=self.where, hint=hint) from error

    def _open(self, path: Path) -> None:
        if path.is_dir():
            found: dict[str, Any] = {p.relative_to(path).as_posix(): p for p in path.rglob("*") if p.is_file()}
            self._read = {name: p.read_bytes for name, p in found.items()}
        elif zipfile.is_zipfile(path):
            archive = self._stack.enter_context(zipfile.ZipFile(path))
            names = [i.filename for i in archive.infolist() if not i.is_dir()]
            self._read = {name: lambda name=name: archive.read(name) for name in names}  # type: ignore[misc]
        else:
            tar = self._stack.enter_context(tarfile.open(path))  # noqa: SIM115
            members = [m for m in tar.getmembers() if m.isfile()]
            self._read = {m.name: lambda m=m: _content(tar, m) for m in members}  # type: ignore[misc]

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, name: str) -> bytes:
        """The file whose path is ``name`` or ends with it."""
        return self._read[self.find(name)]()

    def find(self, name: str) -> str:
        """Its whole path."""
        if name in self._read:
            return name
        found = sorted(n for n in self._read if n.endswith("/" + name))
        if not found:
            hint = "the folder or archive as its authors ship it; of CIFAR-10 the binary version"
            raise IsobitError("E305", f"there is no {printable(name)}", where=self.where, hint=hint)
        return found[0]

    def below(self, folder: str) -> list[str]:
        """The files that lie in a folder whose path ends so, in the order of their names."""
        wanted = PurePosixPath(folder).parts
        return sorted(n for n in self._read if PurePosixPath(n).parts[-1 - len(wanted) : -1] == wanted)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    found = tar.extractfile(member)
    assert found is not None
    return found.read()
