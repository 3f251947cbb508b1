"""Recipes: everything that decides a training run, in one YAML file; unknown keys raise."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wrinkle_core.errors import ContractError

__all__ = ["NetworkRecipe", "Recipe", "RenderRecipe", "TrainRecipe", "load_recipe"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkRecipe(_Strict):
    """Which network: ``unetpp`` (EfficientNet-Lite0 encoder) or ``unet``."""

    name: Literal["unetpp", "unet"]
    in_channels: Literal[3, 4] = 3
    width: int = Field(default=64, ge=4, le=64)
    imagenet: bool = True


class RenderRecipe(_Strict):
    """How wrinkles are rendered; sizes are pixels of the 1024 px FFHQ frame."""

    median_depth: float = Field(default=0.16, gt=0, lt=1)
    median_sigma_px: float = Field(default=1.4, gt=0)
    procedural_share: float = Field(default=0.3, ge=0, le=1)
    extra_folds_share: float = Field(default=0.3, ge=0, le=1)
    plain_share: float = Field(default=0.08, ge=0, le=1)
    distractor_share: float = Field(default=0.7, ge=0, le=1)


class TrainRecipe(_Strict):
    """Optimisation of one run."""

    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    crop_px: int = Field(ge=64, multiple_of=32)
    scale_range: tuple[float, float] = (0.75, 1.4)
    learning_rate: float = Field(default=2e-3, gt=0)
    encoder_rate_factor: float = Field(default=0.3, gt=0, le=1)
    warm_up_steps: int = Field(default=30, ge=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    gradient_clip: float = Field(default=1.0, gt=0)
    ema_decay: float = Field(default=0.995, gt=0, lt=1)
    focal_weight: float = Field(default=5.0, ge=0)
    precision: Literal["fp32", "bf16"] = "fp32"
    workers: int = Field(default=0, ge=0, le=16)
    seed: int = 20240901
    checkpoint_every_s: float = Field(default=120.0, gt=0)


class Recipe(_Strict):
    """One training run.

    Attributes:
        segmenter: Name in the tensor contract; decides input side, channels and mask rule.
        network: The network.
        render: The wrinkle renderer.
        train: The optimisation.
    """

    segmenter: Literal["unetpp", "unet_texture"]
    network: NetworkRecipe
    render: RenderRecipe = RenderRecipe()
    train: TrainRecipe

    def fingerprint(self) -> str:
        """Return a short hash that changes with any value of the recipe."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        ContractError: The file is missing, is no YAML mapping, or has an unknown key or a bad value.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ContractError(f"There is no recipe {path.name}; the recipes lie in train/recipes.") from None
    except yaml.YAMLError as error:
        raise ContractError(f"{path.name} is no valid YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(content, dict):
        raise ContractError(f"{path.name} must hold a mapping with segmenter, network and train.")
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ContractError(f"{path.name} does not fit: {problems}.") from None
