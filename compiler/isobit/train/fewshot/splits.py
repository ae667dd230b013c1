"""What a few-shot data set is: images with labels, in classes to train on, to choose by, and never seen before."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Part:
    """Images uint8 [N, channels, H, W], labels int64 [N] from 0, and what the classes are called."""

    images: Tensor
    labels: Tensor
    names: tuple[str, ...]

    def inputs(self) -> Tensor:
        """The images as float32, 0 to 1 in steps of 1/256: exact in fixed point with eight fraction bits."""
        return self.images.float() / 256


@dataclass(frozen=True)
class Split:
    """Base classes to train on, validation classes to choose by, novel classes to judge by; none in two of them."""

    base: Part
    val: Part
    novel: Part
