"""Few-shot data: glyphs from fonts, and the published sets as their authors ship them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from isobit.errors import IsobitError
from isobit.train.fewshot import Part, Split, cifar10, cifar_fs, glyphs, mini_imagenet

Image = pytest.importorskip("PIL.Image", reason="NOT TESTED: Pillow is not installed")


@pytest.fixture(scope="module")
def drawn() -> Split:
    """A small glyph set."""
    try:
        return glyphs(20, 3, 16, seed=4)
    except IsobitError as error:
        pytest.skip(f"NOT TESTED: {error.message}")


def test_glyphs_are_seeded_and_split_by_class(drawn: Split) -> None:
    names = [*drawn.base.names, *drawn.val.names, *drawn.novel.names]
    assert len(set(names)) == 20 and [len(p.names) for p in (drawn.base, drawn.val, drawn.novel)] == [12, 3, 5]
    assert drawn.novel.images.shape == (15, 1, 16, 16) and drawn.novel.labels.tolist() == sorted([0, 1, 2, 3, 4] * 3)
    again, other = glyphs(20, 3, 16, seed=4), glyphs(20, 3, 16, seed=5)
    assert torch.equal(again.base.images, drawn.base.images) and again.base.names == drawn.base.names
    assert other.base.names != drawn.base.names
    assert float(drawn.base.inputs().max()) < 1 and (drawn.base.inputs() * 256 == drawn.base.images).all()
    assert all(len(torch.unique(image)) > 8 for image in drawn.base.images)


def test_glyphs_that_cannot_be_drawn_are_refused(tmp_path: Path, drawn: Split) -> None:
    with pytest.raises(IsobitError, match="E303"):
        glyphs(fonts=tmp_path)
    with pytest.raises(IsobitError, match="E305"):
        glyphs(100_000, 1, 16)


def picture(level: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((20, 24, 3), level, np.uint8)).save(file, "PNG")
    return file.getvalue()


def fs_files() -> dict[str, bytes]:
    made = {}
    for part, classes in (("train", "ab"), ("val", "c"), ("test", "d")):
        made[f"cifar100/splits/bertinetto/{part}.txt"] = "\n".join(classes).encode()
        made |= {f"cifar100/data/{c}/{i}.png": picture(ord(c) + i) for c in classes for i in (1, 0)}
    return made


def mini_files() -> dict[str, bytes]:
    made = {"images/x1.jpg": picture(9), "images/x2.jpg": picture(90), "images/x3.jpg": picture(200)}
    rows = {"train": "x1.jpg,n1\nx2.jpg,n0\n", "val": "x2.jpg,n2\n", "test": "x3.jpg,n3\n"}
    return made | {f"{part}.csv": f"filename,label\n{text}".encode() for part, text in rows.items()}


def batches(count: int = 4) -> dict[str, bytes]:
    rows = np.random.default_rng(0).integers(0, 256, (count, 3073)).astype(np.uint8)
    rows[:, 0] = np.arange(count) % 10
    names = ["test_batch.bin", *(f"data_batch_{i}.bin" for i in range(1, 6))]
    return {f"cifar-10-batches-bin/{name}": rows.tobytes() for name in names}


def shipped(kind: str, files: dict[str, bytes], folder: Path) -> Path:
    """The files as a folder, a zip or a tar.gz."""
    if kind == "folder":
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder
    path = folder / f"set.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz") as tar:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("kind", ["folder", "zip", "tar.gz"])
def test_sets_as_their_authors_ship_them(kind: str, tmp_path: Path) -> None:
    for name in ("fs", "mini", "ten"):
        (tmp_path / name).mkdir()
    split = cifar_fs(shipped(kind, fs_files(), tmp_path / "fs"))
    assert split.base.names == ("a", "b") and split.base.labels.tolist() == [0, 0, 1, 1]
    assert split.base.images[:, 0, 0, 0].tolist() == [97, 98, 98, 99] and split.novel.images.shape == (2, 3, 32, 32)
    mini = mini_imagenet(shipped(kind, mini_files(), tmp_path / "mini"), 10)
    assert mini.base.names == ("n0", "n1") and mini.base.labels.tolist() == [1, 0]
    assert mini.novel.images.shape == (1, 3, 10, 10) and mini.novel.images.unique().tolist() == [200]
    path = shipped(kind, batches(), tmp_path / "ten")
    rows = np.frombuffer(batches()["cifar-10-batches-bin/test_batch.bin"], np.uint8).reshape(4, -1)
    test: Part = cifar10(path)
    assert test.labels.tolist() == [0, 1, 2, 3] and np.array_equal(test.images.reshape(4, -1).numpy(), rows[:, 1:])
    assert len(cifar10(path, test=False).labels) == 20


def without(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {k: v for k, v in files.items() if name not in k}


@pytest.mark.parametrize(
    ("load", "files", "said"),
    [
        (cifar_fs, without("val.txt", fs_files()), "there is no splits/bertinetto/val.txt"),
        (cifar_fs, without("data/b", fs_files()), "there are no images of b"),
        (cifar_fs, fs_files() | {"cifar100/data/a/0.png": b"no"}, "the image cannot be read"),
        (mini_imagenet, without("x2", mini_files()), "there is no images/x2.jpg"),
        (mini_imagenet, mini_files() | {"val.csv": b"name\n1\n"}, "val.csv has no columns filename and label"),
        (cifar10, without("test", batches()), "there is no test_batch.bin"),
        (cifar10, {"test_batch.bin": b"12345"}, "5 bytes are no records of 3073"),
        (cifar10, {"test_batch.bin": b"\x0b" + bytes(3072)}, "a label is 11 of 10 classes"),
    ],
)
def test_what_is_missing_is_named(
    load: Callable[[Path], object], files: dict[str, bytes], said: str, tmp_path: Path
) -> None:
    with pytest.raises(IsobitError) as caught:
        load(shipped("folder", files, tmp_path))
    assert (caught.value.code, caught.value.message) == ("E305", said)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("nothing")
    for path in (tmp_path / "x.zip", tmp_path / "nowhere"):
        with pytest.raises(IsobitError, match="E305"):
            cifar_fs(path)
