"""Replays published requantization vectors through the references in ``isobit.numerics.tflite``.

    python benchmarks/rescale/vectors.py --models DIR

``DIR`` holds ``vec_tflite_requant`` (TensorFlow Lite's ``quantization_util_test.cc``), ``vec_gemmlowp`` (a quantised
matrix product of gemmlowp's tests) and ``vec_cmsis_nn`` (layers of CMSIS-NN's unit tests), as JSON and NumPy archives.
Prints, per form of the requantizer, how many outputs there were and how many differed; exit 1 if the form that the
source uses differs anywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from isobit.numerics import IntArray, tflite

Form = Callable[[IntArray, int, int], IntArray]
FORMS: dict[str, Form] = {"rounded twice": tflite.rounded_twice, "rounded once": tflite.rounded_once}


def tflite_cases(folder: Path) -> Iterator[tuple[str, int, int]]:
    """(what, outputs, wrong) of TensorFlow Lite's own test values."""
    vectors = json.loads((folder / "vectors.json").read_text())
    made = [tflite.quantize_multiplier(Fraction(m)) == (q, s) for m, q, s in vectors["quantize_multiplier"]]
    yield "TFLite, multiplier of a real number", len(made), made.count(False)
    raw = [*vectors["multiply_int32_raw"], *parsed(vectors["multiply_int32"])]
    for name, form in FORMS.items():
        yield f"TFLite, 32-bit sum, {name}", *replay(form, raw)
    yield (
        "TFLite, 48-bit sum, 15-bit multiplier",
        *replay(tflite.reduced, [*vectors["multiply_int64_raw"], *parsed(vectors["multiply_int64"])]),
    )


def parsed(rows: list[list[float]]) -> Iterator[tuple[int, int, int, int]]:
    """Rows of (x, real multiplier, y) with the multiplier quantised."""
    for x, multiplier, y in rows:
        yield int(x), *tflite.quantize_multiplier(Fraction(multiplier)), int(y)


def replay(form: Form, rows: list[Any]) -> tuple[int, int]:
    """(outputs, wrong) of rows (x, q, shift, y)."""
    return len(rows), sum(int(form(np.array([x]), q, s)[0]) != y for x, q, s, y in rows)


def gemmlowp_case(folder: Path) -> tuple[str, int, int]:
    """The matrix product of gemmlowp's tests: one multiplier, one rounding, offset before the multiplication."""
    p, data = json.loads((folder / "meta.json").read_text())["params"], np.load(folder / "gemm.npz")
    a = data["a_data"].reshape(p["m"], p["k"]).astype(np.int64) + p["a_offset"]
    b = data["b_data"].reshape(p["n"], p["k"]).astype(np.int64) + p["b_offset"]
    scaled = tflite.rounded_once(a @ b.T + p["c_offset"], p["c_mult_int"], 31 - p["c_shift"])
    wrong = np.clip(scaled, 0, 255).T.ravel() != data["expected_c_data"]
    return "gemmlowp, 192x1152x256", wrong.size, int(wrong.sum())


def windows(x: IntArray, kernel: tuple[int, int], c: dict[str, int]) -> IntArray:
    """Patches ``(n, oh, ow, kh, kw, channels)`` of ``x`` ``(n, h, w, channels)``, zero padded, strided, dilated."""
    (kh, kw), (oh, ow) = kernel, (c["OUTPUT_H"], c["OUTPUT_W"])
    dy, dx, sy, sx = (c.get(k, 1) for k in ("DILATION_Y", "DILATION_X", "STRIDE_Y", "STRIDE_X"))
    rows, columns = ((o - 1) * s + (k - 1) * d + 1 for o, s, k, d in ((oh, sy, kh, dy), (ow, sx, kw, dx)))
    py, px = c.get("PAD_Y", 0), c.get("PAD_X", 0)
    behind = (max(0, rows - x.shape[1] - py), max(0, columns - x.shape[2] - px))
    x = np.pad(x, ((0, 0), (py, behind[0]), (px, behind[1]), (0, 0)))
    y, z = (np.arange(o)[:, None] * s + np.arange(k) * d for o, s, k, d in ((oh, sy, kh, dy), (ow, sx, kw, dx)))
    return x[:, y[:, None, :, None], z[None, :, None, :]]


def cmsis_sums(kind: str, data: dict[str, IntArray], c: dict[str, int]) -> IntArray:
    """Sums ``(n, oh, ow, out channels)`` of an int8 convolution, depthwise or not, of CMSIS-NN's layout."""
    n, h, w, channels, out = (c[k] for k in ("INPUT_BATCHES", "INPUT_H", "INPUT_W", "IN_CH", "OUT_CH"))
    x = data["input"][: n * h * w * channels].reshape(n, h, w, channels).astype(np.int64) + c["INPUT_OFFSET"]
    kernel, bias = (c["FILTER_Y"], c["FILTER_X"]), data.get("biases", np.zeros(out, np.int64)).astype(np.int64)
    patches, weights = windows(x, kernel, c), data["weights"].astype(np.int64)
    if kind == "dw":
        patches = np.repeat(patches, out // channels, axis=-1)
        return np.asarray(np.einsum("nyxabc,abc->nyxc", patches, weights.reshape(*kernel, out)) + bias)
    inner = weights.size // (out * kernel[0] * kernel[1])
    groups = channels // inner
    patches = patches.reshape(*patches.shape[:-1], groups, inner)
    weights = weights.reshape(groups, out // groups, *kernel, inner)
    sums = np.einsum("nyxabgi,goabi->nyxgo", patches, weights)
    return np.asarray(sums.reshape(*sums.shape[:3], out) + bias)


def cmsis_case(folder: Path, name: str, kind: str, form: Form) -> tuple[int, int]:
    """(outputs, wrong) of one int8 layer."""
    loaded, config = np.load(folder / f"{name}.npz"), json.loads((folder / "index.json").read_text())[name]["config"]
    data = {key.removeprefix(f"{name}_"): loaded[key] for key in loaded}
    c = {key.removeprefix(f"{name.upper()}_"): value for key, value in config.items()}
    sums = cmsis_sums(kind, data, c)
    channels = zip(data["output_mult"].tolist(), data["output_shift"].tolist(), strict=True)
    scaled = np.stack([form(sums[..., i], q, s) for i, (q, s) in enumerate(channels)], axis=-1)
    y = np.clip(scaled + c["OUTPUT_OFFSET"], c["OUT_ACTIVATION_MIN"], c["OUT_ACTIVATION_MAX"])
    expected = data["output_ref"] if "output_ref" in data else data["output"]
    return y.size, int((y.ravel() != expected).sum())


def cmsis_cases(folder: Path) -> Iterator[tuple[str, int, int]]:
    """All int8 convolutions that a replay by somebody else could read, per form."""
    layers = json.loads((folder / "replay.json").read_text())
    wanted = [(name, row[0]) for name, row in layers.items() if row[0] in ("conv", "dw") and row[2] == "int8"]
    for form_name, form in FORMS.items():
        counts: Counter[str] = Counter()
        for name, kind in wanted:
            size, wrong = cmsis_case(folder, name, kind, form)
            counts.update(layers=1, outputs=size, wrong=wrong)
        yield f"CMSIS-NN, {counts['layers']} int8 layers, {form_name}", counts["outputs"], counts["wrong"]


def main() -> int:
    """Prints the table; 1 when a form that the vectors were made with differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True, help="the folder with the vectors")
    models = parser.parse_args().models
    rows = [*tflite_cases(models / "vec_tflite_requant"), gemmlowp_case(models / "vec_gemmlowp")]
    rows += cmsis_cases(models / "vec_cmsis_nn")
    for what, outputs, wrong in rows:
        print(f"{what:<45} {outputs:>7,} outputs, {wrong} differ")
    return int(any(wrong for what, _, wrong in rows if not (what.startswith("CMSIS") and what.endswith("once"))))


if __name__ == "__main__":
    sys.exit(main())
