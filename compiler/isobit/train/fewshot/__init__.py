"""Few-shot learning: backbones, a data set that everyone has, loaders, and the recipe of pre-training."""

from isobit.train.fewshot.backbones import Backbone, resnet9, resnet12
from isobit.train.fewshot.glyphs import glyphs
from isobit.train.fewshot.recipe import Recipe, restarts, sgd, training_data
from isobit.train.fewshot.splits import Part, Split

__all__ = [
    "Backbone", "Part", "Recipe", "Split", "glyphs", "resnet9", "resnet12", "restarts", "sgd", "training_data",
]  # fmt: skip
