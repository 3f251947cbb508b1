"""Which row of which table a recipe is, and what the paper printed there; it changes nothing about the run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wrinkle_train.recipe_schema.strict import Strict

__all__ = ["PaperRow", "PublishedScores"]


class PublishedScores(Strict):
    """Figures a paper printed, in [0, 1]; None where it printed none. IoU and JSI are the same."""

    accuracy: float | None = Field(default=None, ge=0, le=1)
    iou: float | None = Field(default=None, ge=0, le=1)
    sensitivity: float | None = Field(default=None, ge=0, le=1)
    precision: float | None = Field(default=None, ge=0, le=1)
    f1: float | None = Field(default=None, ge=0, le=1)
    specificity: float | None = Field(default=None, ge=0, le=1)


class PaperRow(Strict):
    """One row.

    Attributes:
        table: 1 and 2 are the UNet++ paper's, 3 and 4 the texture-map paper's; None is in no table.
        row: The row's name, in our words.
        regime: Share of the training records in Tables 3 and 4.
        published: What was printed.
        parameters_m: Parameters printed, in millions.
        assumed: What the papers leave open and how it is filled here.
    """

    table: Literal[1, 2, 3, 4] | None = None
    row: str = Field(min_length=1)
    regime: Literal["100%", "5%"] | None = None
    published: PublishedScores = PublishedScores()
    parameters_m: float | None = Field(default=None, gt=0)
    assumed: str = ""
