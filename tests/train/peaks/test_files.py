"""Profiles on disk: both formats give back what was written, and what does not fit is refused by file and row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.train.peaks import generate, load_profiles, save_profiles


@pytest.mark.parametrize("name", ["set.npz", "set.csv"])
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    made = generate(50, 3)
    save_profiles(tmp_path / name, made)
    read = load_profiles(tmp_path / name)
    assert np.array_equal(read.samples, made.samples)
    assert np.array_equal(read.centre, made.centre, equal_nan=True)
    assert np.array_equal(read.valid, made.valid) and 0 < read.valid.sum() < 50
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize(
    ("samples", "centre", "said"),
    [
        (np.zeros((2, 16)), np.array([1.0, 16.0]), "profile 1"),
        (np.full((2, 16), 0.5), np.array([1.0, 2.0]), "profile 0"),
        (np.full((1, 16), 256), np.array([1.0]), "0..255"),
        (np.full((1, 16), np.nan), np.array([1.0]), "0..255"),
        (np.zeros((1, 16)), np.array([np.inf]), "outside"),
        (np.zeros((2, 16)), np.zeros(3), "(3,)"),
        (np.zeros((0, 16)), np.zeros(0), "(0, 16)"),
        (np.zeros((1, 4)), np.zeros(1), "at least 8 samples"),
        (np.array([["a"] * 16]), np.zeros(1), "<U1"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(samples: object, centre: object, said: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", samples=samples, centre=centre)
    with pytest.raises(IsobitError) as caught:
        load_profiles(tmp_path / "set.npz")
    assert caught.value.code == "E305" and said in str(caught.value) and "set.npz" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "header"),
        ("s0,s1\n1,2\n", "header"),
        ("centre,s0,s1,s2,s3,s4,s5,s6,s7\n", "header"),
        ("centre,s0,s1,s2,s3,s4,s5,s6,s7\n1,1,2\n", "line 2"),
        ("centre,s0,s1,s2,s3,s4,s5,s6,s7\n1,1,2,3,4,5,6,7,x\n", "line 2"),
        ("centre,s0,s1,s2,s3,s4,s5,s6,s7\n1,1,2,3,4,5,6,7,-8\n", "profile 0"),
    ],
)  # fmt: skip
def test_csv_files_that_do_not_fit_are_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text(text)
    with pytest.raises(IsobitError) as caught:
        load_profiles(tmp_path / "set.csv")
    assert caught.value.code == "E305" and said in str(caught.value)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK no zip")
    for name in ("absent.npz", "absent.csv", "broken.npz", "set.txt"):
        with pytest.raises(IsobitError) as caught:
            load_profiles(tmp_path / name)
        assert caught.value.code == "E305" and name in str(caught.value)
    with pytest.raises(IsobitError) as caught:
        save_profiles(tmp_path / "absent" / "set.npz", generate(2, 0))
    assert caught.value.code == "E601"
