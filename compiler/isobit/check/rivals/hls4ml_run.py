"""Run a project that hls4ml wrote and record every layer: a copy of its C++ with a tap behind every layer's call.

Nothing of the project is changed, and nothing of hls4ml is imported: whatever wrote the folder, its own C++ is compiled
with its own ``ap_types``. Values come out as doubles, which hold every ``ap_fixed`` of up to 53 bits.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.check.rivals.source import existing
from isobit.errors import CheckFailed, IsobitError, printable
from isobit.subprocesses import run

_CALL = re.compile(r"^\s*nnet::\w+<[^;]*;\s*//\s*(?P<name>\S+)\s*$", re.MULTILINE)
_ARRAY = re.compile(r"^\s*(?P<type>\w+) (?P<name>layer\w+_out)\[(?P<size>[^\]]+)\]", re.MULTILINE)
_STREAM = re.compile(r"^\s*hls::stream<(?P<type>\w+)>\s*&?\s*(?P<name>layer\w+_out)\b", re.MULTILINE)
_TOP = re.compile(r"^void (?P<name>\w+)\(\s*(?P<ports>[^)]*)\)\s*\{", re.MULTILINE)
_SECONDS = 900
_OTHER_SIZE = 9
"""Status of the program where the project takes more or fewer elements than the model's samples have."""
TAPS = """#pragma once
#include <cstdio>
#include <string>
#include "hls_stream.h"
namespace isobit_taps {
inline void put(const char *name, double value) {
    static const std::string folder = "taps/";
    FILE *file = std::fopen((folder + name).c_str(), "ab");
    std::fwrite(&value, sizeof value, 1, file);
    std::fclose(file);
}
template <class T> void tap(const char *name, T *data, int size) {
    for (int i = 0; i < size; i++)
        put(name, double(data[i]));
}
template <class T> void tap(const char *name, hls::stream<T> &stream) {
    hls::stream<T> kept;
    while (!stream.empty()) {
        T word = stream.read();
        for (unsigned i = 0; i < T::size; i++)
            put(name, double(word[i]));
        kept.write(word);
    }
    while (!kept.empty())
        stream.write(kept.read());
}
template <class T> void fill(T *data, const double *values, int size) {
    for (int i = 0; i < size; i++)
        data[i] = T(values[i]);
}
template <class T> void fill(hls::stream<T> &stream, const double *values, int size) {
    for (int i = 0; i < size; i += T::size) {
        T word;
        for (unsigned j = 0; j < T::size; j++)
            word[j] = typename T::value_type(values[i + j]);
        stream.write(word);
    }
}
} // namespace isobit_taps
"""


@dataclass(frozen=True)
class Port:
    """A parameter of the top function; ``size`` as the project writes it, "" for a stream."""

    type: str
    name: str
    size: str


@dataclass(frozen=True)
class Project:
    """What is read of a project: top function, ports, the names of its layers in order, the instrumented text."""

    folder: Path
    top: str
    entry: Port
    outputs: tuple[Port, ...]
    layers: tuple[str, ...]
    text: str


def read_project(folder: Path) -> Project:
    """Parse ``firmware/*.cpp`` of a project.

    Raises:
        IsobitError: E619 when it is no project of hls4ml's, or has another form than those known.
    """
    hint = "the output_dir that hls4ml wrote (it holds firmware/)"
    files = sorted((existing(folder, hint) / "firmware").glob("*.cpp"))
    texts = {p: p.read_text(encoding="utf-8") for p in files}
    sources = {p: top for p, text in texts.items() if (top := _TOP.search(text))}
    if len(sources) != 1:
        raise IsobitError("E619", "no single top function in firmware/", where=printable(folder), hint=hint)
    ((source, top),) = sources.items()
    text = texts[source]
    ports = [_port(part) for part in top["ports"].split(",\n") for part in part.split(", ") if part.strip()]
    outputs = tuple(p for p in ports if re.fullmatch(r"layer\w+_out", p.name))
    entries = [p for p in ports if p not in outputs]
    if len(entries) != 1 or not outputs:
        raise IsobitError("E619", f"{len(entries)} inputs, {len(outputs)} outputs", where=printable(source))
    instrumented, layers = _instrumented(text, outputs)
    if not layers:
        raise IsobitError("E619", "no layer is called in it", where=printable(source))
    return Project(folder, top["name"], entries[0], outputs, layers, instrumented)


def _port(text: str) -> Port:
    text = text.strip()
    for pattern in (r"hls::stream<(?P<type>\w+)>\s*&\s*(?P<name>\w+)", r"(?P<type>\w+) (?P<name>\w+)\[(?P<size>.*)\]"):
        if match := re.fullmatch(pattern, text):
            return Port(match["type"], match["name"], match.groupdict().get("size", ""))
    raise IsobitError("E619", f"the port {printable(text)!r} is neither array nor stream")


def _instrumented(text: str, outputs: tuple[Port, ...]) -> tuple[str, tuple[str, ...]]:
    """The source with a tap behind every call that makes a value, and the names of these layers."""
    sizes = {m["name"]: m["size"] for m in _ARRAY.finditer(text)} | dict.fromkeys(
        (m["name"] for m in _STREAM.finditer(text)), ""
    )
    sizes |= {p.name: p.size for p in outputs}
    made: set[str] = set()
    layers = []

    def tapped(call: re.Match[str]) -> str:
        fresh = [v for v in re.findall(r"layer\w+_out", call[0].split("//")[0]) if v in sizes and v not in made]
        made.update(fresh)
        if not fresh:
            return call[0]
        layers.append(call["name"])
        size = f", {sizes[fresh[-1]]}" if sizes[fresh[-1]] else ""
        return f'{call[0]}\n    isobit_taps::tap("{len(layers) - 1}", {fresh[-1]}{size});'

    body = _CALL.sub(tapped, text)
    return '#include "isobit_taps.h"\n' + body, tuple(layers)


def compile_project(project: Project, size: int, work: Path) -> None:
    """A program of the project in ``work``, for samples of ``size`` elements.

    Raises:
        IsobitError: E604 without g++; CheckFailed: E606 when the project does not compile.
    """
    if shutil.which("g++") is None:
        raise IsobitError("E604", "g++ is not installed", hint="install g++")
    shutil.copytree(project.folder / "firmware", work / "firmware")
    (work / "isobit_taps.h").write_text(TAPS, encoding="utf-8")
    (work / "firmware" / f"{project.top}.cpp").write_text(project.text, encoding="utf-8")
    (work / "main.cpp").write_text(_main(project, size), encoding="utf-8")
    flags = ["-std=c++17", "-Og", "-w", "-I.", "-Ifirmware", "-Ifirmware/ap_types", '-DWEIGHTS_DIR="firmware/weights"']
    _done(["g++", *flags, "main.cpp", f"firmware/{project.top}.cpp", "-o", "run"], work, b"", project)


def run_project(project: Project, samples: NDArray[Any], work: Path) -> list[NDArray[np.float64]]:
    """Every layer's values ``(batch, elements)`` in order, for ``samples`` ``(batch, elements)`` of real numbers.

    Args:
        work: where :func:`compile_project` put its program.

    Raises:
        IsobitError: E619 when it takes samples of another size; CheckFailed: E606 when it does not run.
    """
    shutil.rmtree(work / "taps", ignore_errors=True)
    (work / "taps").mkdir()
    _done(["./run"], work, samples.astype(np.float64).tobytes(), project)
    found = []
    for number, name in enumerate(project.layers):
        path = work / "taps" / str(number)
        values = np.fromfile(path, np.float64) if path.is_file() else np.empty(0)
        if not values.size or values.size % len(samples):
            what = f"the layer {printable(name)} gave {values.size} values for {len(samples)} samples"
            raise CheckFailed("E606", what, where=printable(project.folder))
        found.append(values.reshape(len(samples), -1))
    return found


def _done(command: list[str], work: Path, given: bytes, project: Project) -> None:
    try:
        done = run(command, _SECONDS, given, cwd=work)
    except subprocess.TimeoutExpired as error:
        raise CheckFailed("E606", f"{command[0]} ran longer than {_SECONDS} s") from error
    if done.returncode == _OTHER_SIZE:
        what, where = "it takes samples of another size than the model", printable(project.folder)
        raise IsobitError("E619", what, where=where, hint="is it of this model?")
    if done.returncode:
        told = done.stderr.decode(errors="replace").splitlines()
        lines = [line for line in told if "error" in line] or told or [f"status {done.returncode}"]
        raise CheckFailed("E606", f"the project's C++: {printable(lines[0], 300)}")


def _main(project: Project, size: int) -> str:
    """Reads samples from its input, runs the top function on each; ends where they are not of the size that it takes.

    A stream is given every sample twice: one must be left.
    """
    ports: Mapping[bool, str] = {True: "{0.type} {0.name}[{0.size}];", False: "hls::stream<{0.type}> {0.name};"}
    declared = [ports[bool(p.size)].format(p) for p in (project.entry, *project.outputs)]
    call = f"{project.top}({', '.join(p.name for p in (project.entry, *project.outputs))});"
    entry = project.entry.name
    fill = f"isobit_taps::fill({entry}, values, {size});"
    if project.entry.size:
        body = [f"if (sizeof {entry} / sizeof *{entry} != {size})", f"    return {_OTHER_SIZE};", fill, call]
    else:
        body = [
            f"if ({size} % {project.entry.type}::size != 0)", f"    return {_OTHER_SIZE};",
            fill, f"const auto words = {entry}.size();", fill, call, f"if ({entry}.size() != words)",
            f"    return {_OTHER_SIZE};", f"while (!{entry}.empty())", f"    {entry}.read();",
        ]  # fmt: skip
    lines = [
        "#include <cstdio>", f'#include "firmware/{project.top}.h"', '#include "isobit_taps.h"',
        "int main() {", f"    static double values[{size}];",
        "    while (std::fread(values, sizeof values, 1, stdin) == 1) {",
        *("        " + line for line in (*declared, *body)), "    }", "}", "",
    ]  # fmt: skip
    return "\n".join(lines)
