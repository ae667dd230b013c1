"""``isobit boards`` and ``isobit paths``: what comes with isobit, and where it lies."""

from __future__ import annotations

import sys

from isobit.cli.terminal import out


def boards_command() -> None:
    """List the boards that come with isobit."""
    from isobit.report.text import boards_table

    out.print(boards_table())


def paths_command() -> None:
    """Print the folders the generated Makefile needs: SIM (our simulation headers) and AP_TYPES."""
    from isobit.check.csim.toolchain import ap_types_folder
    from isobit.emit import templates_root

    sys.stdout.write(f"SIM={templates_root() / 'sim'}\nAP_TYPES={ap_types_folder()}\n")
