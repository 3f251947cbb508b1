"""Recipes: everything that decides a training run, in one YAML file; unknown keys raise."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError, model_validator

from wrinkle_core.contract import MaskRule, segmenter
from wrinkle_core.errors import ContractError
from wrinkle_train.recipe_schema.data import DataRecipe, RenderRecipe
from wrinkle_train.recipe_schema.network import NetworkRecipe
from wrinkle_train.recipe_schema.optimisation import LossRecipe, TrainRecipe
from wrinkle_train.recipe_schema.paper import PaperRow
from wrinkle_train.recipe_schema.pretraining import PretrainingRecipe
from wrinkle_train.recipe_schema.strict import Strict
from wrinkle_train.recipe_schema.yaml_file import read_recipe_file

__all__ = [
    "DataRecipe",
    "FilterRecipe",
    "LossRecipe",
    "NetworkRecipe",
    "PaperRow",
    "PretrainingRecipe",
    "PretrainingStage",
    "Recipe",
    "RenderRecipe",
    "TrainRecipe",
    "load_any_recipe",
    "load_recipe",
]

MaskChoice = Literal["skin", "face", "none"]

_AnyRecipe = TypeVar("_AnyRecipe", "Recipe", "FilterRecipe")


class PretrainingStage(Strict):
    """Everything that decides a pretraining stage, and nothing else: runs that agree in it share one.

    Attributes:
        segmenter: Gives the frame.
        network: With three input channels and the task's output planes.
        pretraining: The task and its optimisation.
        data: Where pictures come from; the fields that concern labels are at their defaults.
        render: The wrinkle renderer.
    """

    segmenter: Literal["unetpp", "unet_texture"]
    network: NetworkRecipe
    pretraining: PretrainingRecipe
    data: DataRecipe
    render: RenderRecipe

    @property
    def input_px(self) -> int:
        """Return the side of the aligned frame."""
        return self.data.input_px or segmenter(self.segmenter).input_px

    def fingerprint(self) -> str:
        """Return a short hash that changes with any value of the stage."""
        return _hash(self.model_dump(mode="json"))


class Recipe(Strict):
    """One training run.

    Attributes:
        segmenter: Name in the tensor contract; decides input side and mask rule unless ``data`` says otherwise.
        network: The network.
        render: The wrinkle renderer.
        train: The optimisation.
        data: The training data.
        loss: What is minimised.
        pretraining: The stage before.
        paper: The row of a table this is; no part of the fingerprint.
    """

    segmenter: Literal["unetpp", "unet_texture"]
    network: NetworkRecipe
    render: RenderRecipe = RenderRecipe()
    train: TrainRecipe
    data: DataRecipe = DataRecipe()
    loss: LossRecipe = LossRecipe()
    pretraining: PretrainingRecipe = PretrainingRecipe()
    paper: PaperRow | None = None

    @model_validator(mode="after")
    def _parts_fit_each_other(self) -> Recipe:
        if self.data.source == "rendered_crops" and self.train.steps is None:
            raise ValueError("data.source rendered_crops has no epochs: give train.steps")
        if self.data.source == "rendered_crops" and self.data != DataRecipe():
            raise ValueError("data: every other key belongs to source records")
        if self.data.source == "rendered_crops" and self.network.in_channels != len(segmenter(self.segmenter).channels):
            raise ValueError(f"network.in_channels does not fit the crops of segmenter {self.segmenter}")
        if (self.loss.kind == "weighted_deep_supervision") != (self.network.name == "wds_unet"):
            raise ValueError("loss.kind weighted_deep_supervision and network.name wds_unet go together")
        if self.loss.kind == "soft_dice" and self.network.output_planes != 2:
            raise ValueError("loss.kind soft_dice needs network.classes 2")
        if self.pretraining.task == "masked" and self.network.name != "swin_unetr":
            raise ValueError("pretraining.task masked needs network.name swin_unetr")
        if self.train.crop_px > self.input_px:
            raise ValueError(f"train.crop_px is larger than the frame, {self.input_px}")
        return self

    @property
    def input_px(self) -> int:
        """Return the side of the aligned frame."""
        return self.data.input_px or segmenter(self.segmenter).input_px

    @property
    def mask_rule(self) -> MaskChoice:
        """Return what of the face the network sees."""
        return _mask_choice(self.data, self.segmenter)

    @property
    def is_servable(self) -> bool:
        """Return whether the trained network fits the tensor contract of ``segmenter``."""
        spec = segmenter(self.segmenter)
        own = (self.network.in_channels, self.input_px, self.mask_rule)
        return own == (len(spec.channels), spec.input_px, spec.mask_rule.value)

    def fingerprint(self) -> str:
        """Return a short hash that changes with any value of the recipe but ``paper``."""
        return _hash(self.model_dump(mode="json", exclude={"paper"}))

    def pretraining_stage(self) -> PretrainingStage | None:
        """Return the stage that is trained before, or None."""
        if not self.pretraining.is_trained:
            return None
        planes: Literal[1, 3] = 1 if self.pretraining.task == "texture" else 3
        return PretrainingStage(
            segmenter=self.segmenter,
            network=self.network.model_copy(update={"in_channels": 3, "classes": planes}),
            pretraining=self.pretraining,
            data=DataRecipe(
                source=self.data.source,
                input_px=self.data.input_px,
                split=self.data.split,
                split_seed=self.data.split_seed,
                augmentation=self.data.augmentation,
            ),
            render=self.render,
        )


class FilterRecipe(Strict):
    """A comparison system that is not trained.

    Attributes:
        filter: Its name in ``wrinkle_train.comparison``.
        segmenter: Decides input side and mask rule unless ``data`` says otherwise.
        data: What it is scored on.
        paper: The row of a table this is.
    """

    filter: str
    segmenter: Literal["unetpp", "unet_texture"] = "unetpp"
    data: DataRecipe = DataRecipe(source="records")
    paper: PaperRow | None = None

    @property
    def input_px(self) -> int:
        """Return the side of the aligned frame."""
        return self.data.input_px or segmenter(self.segmenter).input_px

    @property
    def mask_rule(self) -> MaskChoice:
        """Return what of the face is looked at."""
        return _mask_choice(self.data, self.segmenter)

    def fingerprint(self) -> str:
        """Return a short hash that changes with any value of the recipe but ``paper``."""
        return _hash(self.model_dump(mode="json", exclude={"paper"}))


def load_recipe(path: Path) -> Recipe:
    """Read the recipe of a network.

    Raises:
        ContractError: The file is missing, is no YAML mapping, has an unknown key or a bad value, or names a filter.
    """
    content = read_recipe_file(path)
    if "filter" in content:
        raise ContractError(f"{path.stem} is a filter, which is not trained; score it with `wrinkle evaluate`.")
    return _validated(Recipe, content, path)


def load_any_recipe(path: Path) -> Recipe | FilterRecipe:
    """Read the recipe of a network or of a filter.

    Raises:
        ContractError: As ``load_recipe``.
    """
    content = read_recipe_file(path)
    return _validated(FilterRecipe, content, path) if "filter" in content else _validated(Recipe, content, path)


def _validated(kind: type[_AnyRecipe], content: dict[str, Any], path: Path) -> _AnyRecipe:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'recipe'}: {e['msg']}" for e in error.errors())
        raise ContractError(f"{path.name} does not fit: {problems}.") from None


def _mask_choice(data: DataRecipe, name: str) -> MaskChoice:
    if data.mask_rule is not None:
        return data.mask_rule
    return "skin" if segmenter(name).mask_rule is MaskRule.SKIN else "face"


def _hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
