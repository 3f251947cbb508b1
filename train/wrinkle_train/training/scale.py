"""The two scales a recipe runs at: ``full``, as the papers, and ``rendered-small``, minutes on two cores.

The small scale keeps a row's own way (family, channels, losses, labels, optimiser, schedule's shape, pretraining task)
and replaces what costs time: the frame, crops in place of whole faces, widths, encoders, steps in place of epochs. So
few steps need larger learning rates, and BF16 where the network allows. Its figures say nothing about the papers'.
"""

from __future__ import annotations

from typing import Final, Literal, get_args, overload

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.recipe import FilterRecipe, Recipe
from wrinkle_train.recipe_schema.data import DataRecipe
from wrinkle_train.recipe_schema.network import PACKAGED_ENCODER, NetworkRecipe, SwinRecipe
from wrinkle_train.recipe_schema.optimisation import SgdrSchedule, TrainRecipe
from wrinkle_train.recipe_schema.pretraining import PretrainingRecipe

__all__ = ["SCALES", "Scale", "require_scale", "scaled"]

Scale = Literal["full", "rendered-small"]
SCALES: Final[tuple[Scale, ...]] = get_args(Scale)

_FRAME_PX: Final = 512
_CROP_PX: Final = 128
_BATCH: Final = 8
# Steps of a run; multiples of 3 so that SGDR's 1 + 2 periods end with it. ``unetpp`` starts from ImageNet and learns
# quickest; the plain U-Net and Striped WriNet still answer background everywhere after 252 steps.
_UNITS: Final = {"unetpp": 126, "unet": 504, "striped_wrinet": 504}
_UNITS_OF_OTHERS: Final = 252
_STAGE_UNITS: Final = 126
_FEW: Final = 10  # of the rendered set's 200 training pictures, as the papers' 40 of 800
# Soft Dice leaves the all-background answer only once the head's bias has moved, by at most the rate in each step.
_RATES: Final = {"swin_unetr": 3e-3, "unetpp": 3e-3, "encoder_unet": 1e-2, "striped_wrinet": 1e-2}
_RATE: Final = 0.03
_WIDTHS: Final = {"unet": 8, "wds_unet": 8, "striped_wrinet": 8}
_DECODER: Final = (64, 32, 24, 16, 16)


def require_scale(name: str) -> Scale:
    """Return the scale called ``name``.

    Raises:
        InvalidParameterError: There is none.
    """
    for scale in SCALES:
        if name == scale:
            return scale
    raise InvalidParameterError(f"There is no scale {name[:40]!r}; choose {' or '.join(SCALES)}.")


@overload
def scaled(recipe: Recipe, scale: Scale) -> Recipe: ...
@overload
def scaled(recipe: FilterRecipe, scale: Scale) -> FilterRecipe: ...
@overload
def scaled(recipe: Recipe | FilterRecipe, scale: Scale) -> Recipe | FilterRecipe: ...
def scaled(recipe: Recipe | FilterRecipe, scale: Scale) -> Recipe | FilterRecipe:
    """Return ``recipe`` at ``scale``; a recipe that renders its own crops is small already and stays as it is."""
    if scale == "full" or recipe.data.source == "rendered_crops":
        return recipe
    data = _data(recipe.data)
    if isinstance(recipe, FilterRecipe):
        return recipe.model_copy(update={"data": data})
    units = _UNITS.get(recipe.network.name, _UNITS_OF_OTHERS)
    small = recipe.model_copy(
        update={
            "network": _network(recipe.network),
            "train": _train(recipe.train, recipe.network, units),
            "data": data,
            "pretraining": _pretraining(recipe.pretraining, recipe.network),
        }
    )
    return Recipe.model_validate(small.model_dump())


def _data(data: DataRecipe) -> DataRecipe:
    few = None if data.train_count is None else _FEW
    return data.model_copy(update={"input_px": _FRAME_PX, "train_count": few})


def _network(network: NetworkRecipe) -> NetworkRecipe:
    changes: dict[str, object] = {}
    if network.name in ("unetpp", "encoder_unet"):
        changes = {"encoder": PACKAGED_ENCODER, "decoder_channels": _DECODER, "imagenet": False}
    elif network.name == "swin_unetr":
        feature_size = 12 if network.swin.feature_size < 96 else 24
        changes = {"swin": SwinRecipe(feature_size=feature_size, window=4, depths=(1, 1, 1, 1))}
    else:
        changes = {"width": _WIDTHS[network.name]}
    return network.model_copy(update=changes)


def _train(train: TrainRecipe, network: NetworkRecipe, steps: int) -> TrainRecipe:
    schedule = train.schedule
    if isinstance(schedule, SgdrSchedule):
        periods, length = 0, 0
        while length < train.length:
            length += schedule.first_period * schedule.period_factor**periods
            periods += 1
        shortest = sum(schedule.period_factor**k for k in range(periods))
        schedule = schedule.model_copy(update={"first_period": max(steps // shortest, 1)})
    return train.model_copy(
        update={
            "steps": steps,
            "epochs": None,
            "batch_size": _BATCH,
            "crop_px": _CROP_PX,
            "learning_rate": _RATES.get(network.name, _RATE),
            "schedule": schedule,
            "validate_every": None if train.validate_every is None else steps // 3,
            "precision": "bf16" if network.name in ("unetpp", "encoder_unet") else train.precision,
            "checkpoint_every_s": 30.0,
        }
    )


def _pretraining(pretraining: PretrainingRecipe, network: NetworkRecipe) -> PretrainingRecipe:
    stage = None if pretraining.train is None else _train(pretraining.train, network, _STAGE_UNITS)
    return pretraining.model_copy(update={"train": stage, "file_required": False})
