"""Designs as Vitis HLS projects."""

from isobit.emit.design import Array, Design, IntType, Port, Process, Stream
from isobit.emit.project import atomic_folder, file_hashes, headers, render, templates_root, write_files

__all__ = [
    "Array",
    "Design",
    "IntType",
    "Port",
    "Process",
    "Stream",
    "atomic_folder",
    "file_hashes",
    "headers",
    "render",
    "templates_root",
    "write_files",
]
