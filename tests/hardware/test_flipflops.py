"""Flip-flops by LUTs: the median factor of the published designs."""

from __future__ import annotations

from isobit.hardware.flipflops import designs, factor, flipflops, spread


def test_half_of_the_designs_have_more_and_half_less() -> None:
    found = [ff / lut for _, lut, ff in designs()]
    assert len(found) == len(set(designs())) > 20
    assert sum(f <= factor() for f in found) * 2 >= len(found) <= sum(f >= factor() for f in found) * 2
    least, middle, most = spread()
    assert least < middle < most and least < 1 < most
    assert flipflops(0) == 0 and flipflops(1000) == round(1000 * factor())


def test_a_project_is_left_out_of_its_own_prediction() -> None:
    projects = {project for project, *_ in designs()}
    assert len(projects) > 2 and len({factor(p) for p in projects}) > 1
    for project in projects:
        others = sorted(ff / lut for p, lut, ff in designs() if p != project)
        assert others[0] <= factor(project) <= others[-1]
