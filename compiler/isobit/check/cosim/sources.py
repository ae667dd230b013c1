"""The SystemVerilog of a build: what a synthesis tool reads, and what the simulation adds."""

from __future__ import annotations

import json
from pathlib import Path

from isobit import templates
from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.rtl import node_streams, rtl_design, rtl_files
from isobit.build.files import MANIFEST, atomic_folder, file_hashes, write_files
from isobit.build.folder import RTL, Build
from isobit.check.csim.clocks import design_of

KIND = "isobit rtl"


def rtl_sources(build: Build) -> tuple[Design, dict[str, str]]:
    """The design with the FIFOs of its RTL, and its sources, name to text: those that the build holds, else new ones.

    Raises:
        IsobitError: E509 for a build without a dataflow design.
    """
    design = rtl_design(design_of(build))
    if build.rtl is None:
        return design, rtl_files(design, build.manifest.board, build.manifest.source.name)
    names = sorted(name for name in build.manifest.files if name.startswith(f"{RTL}/"))
    return design, {name.removeprefix(f"{RTL}/"): (build.path / name).read_text(encoding="utf-8") for name in names}


def simulation_sources(build: Build, design: Design) -> dict[str, str]:
    """What drives and watches the design in simulation: a module around it and a program."""
    environment = templates.environment(templates.root() / "sim" / "rtl")
    title = templates.comment_text(build.manifest.source.name)
    context = {"design": design, "title": title, "nodes": node_streams(design)}
    return {name: environment.get_template(name + ".j2").render(context) for name in ("cosim.sv", "cosim.cpp")}


def write_rtl(build: Build, destination: Path) -> Design:
    """Write the sources to ``destination``, all at once or not at all; an earlier set there is replaced.

    Raises:
        IsobitError: E509, and E601 or E602 (:func:`isobit.build.files.atomic_folder`).
    """
    design, texts = rtl_sources(build)
    with atomic_folder(destination) as work:
        write_files(work, {name: text.encode("utf-8") for name, text in texts.items()})
        manifest = {
            "kind": KIND,
            "top": "isobit_top",
            "design": build.manifest.files["design.json"],
            "files": file_hashes(work),
        }
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return design
