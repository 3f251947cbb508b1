"""What a recipe trains on: where pictures come from, what the network sees of them, how they are split and varied."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wrinkle_train.recipe_schema.strict import Strict

__all__ = ["DataRecipe", "RenderRecipe"]


class RenderRecipe(Strict):
    """How wrinkles are rendered; sizes are pixels of the 1024 px FFHQ frame."""

    median_depth: float = Field(default=0.16, gt=0, lt=1)
    median_sigma_px: float = Field(default=1.4, gt=0)
    procedural_share: float = Field(default=0.3, ge=0, le=1)
    extra_folds_share: float = Field(default=0.3, ge=0, le=1)
    plain_share: float = Field(default=0.08, ge=0, le=1)
    distractor_share: float = Field(default=0.7, ge=0, le=1)


class DataRecipe(Strict):
    """The training data. The number of channels is ``network.in_channels``.

    Attributes:
        source: ``rendered_crops`` renders endless crops from faces and drawings; ``records`` reads labelled pictures
            of the folder given by --data (FFHQ with masks, or the rendered set), in epochs.
        input_px: Side of the aligned frame; None takes the segmenter's.
        mask_rule: ``skin`` (paper 1), ``face`` (paper 2: the nose is kept) or ``none``; None takes the segmenter's.
        labels: ``manual`` masks, or ``semi_automatic`` ones (Kim 2022) made from the manual ones, widened.
        split: Training to test, or training to validation to test.
        split_seed: Of the split and of the subset.
        train_count: Train on so many records only, chosen by seed (40 of 800 in Table 3); None takes all.
        augmentation: ``paper1`` (flip, rotation), ``paper2`` (flip, crop, affine, elastic, grid, optical) or ``none``.
    """

    source: Literal["rendered_crops", "records"] = "rendered_crops"
    input_px: int | None = Field(default=None, ge=64, le=1024, multiple_of=32)
    mask_rule: Literal["skin", "face", "none"] | None = None
    labels: Literal["manual", "semi_automatic"] = "manual"
    split: Literal["9:1", "8:1:1"] = "8:1:1"
    split_seed: int = 0
    train_count: int | None = Field(default=None, ge=1)
    augmentation: Literal["none", "paper1", "paper2"] = "none"
