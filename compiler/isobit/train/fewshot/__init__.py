"""Few-shot learning: backbones, a data set that everyone has, loaders, and the recipe of pre-training."""

from isobit.train.fewshot.backbones import Backbone, resnet9, resnet12
from isobit.train.fewshot.glyphs import glyphs
from isobit.train.fewshot.loaders import cifar10, cifar_fs, mini_imagenet
from isobit.train.fewshot.recipe import Recipe, restarts, sgd, training_data
from isobit.train.fewshot.splits import Part, Split

__all__ = [
    "Backbone", "Part", "Recipe", "Split", "cifar10", "cifar_fs", "glyphs", "mini_imagenet", "resnet9", "resnet12",
    "restarts", "sgd", "training_data",
]  # fmt: skip
