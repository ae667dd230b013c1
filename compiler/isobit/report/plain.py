"""The report for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from isobit.report.result import Report

FORMAT = 4


def report_json(report: Report) -> dict[str, Any]:
    """Every field of the report by its own name, and the format's version."""
    return {"format": FORMAT} | asdict(report)
