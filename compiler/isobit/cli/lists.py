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
    from isobit import templates
    from isobit.backends.toolchain import ap_types_folder

    sys.stdout.write(f"SIM={templates.root() / 'sim'}\nAP_TYPES={ap_types_folder()}\n")
