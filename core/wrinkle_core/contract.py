"""The tensor contract: every tensor of every served model, stated once.

``config.pbtxt``, the SDK's types, the handlers' checks and ``docs/contract.md`` are all made from this file.
Changing an interface means changing it here, raising ``CONTRACT_VERSION`` and running ``make format``. Version 2 added
SKIN_MASK_PNG, GEOMETRY as an output of the ensembles, and the times of the steps.

Shapes exclude the batch axis when ``max_batch_size`` > 0; -1 is dynamic. Images between steps are UINT8 NCHW: a quarter
of FP32, and normalisation, activation and quantisation live inside the exported graph: no host can get them wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from wrinkle_core.errors import ContractError, InvalidParameterError

__all__ = [
    "CONTRACT_VERSION",
    "DEFAULT_MAX_ENCODED_BYTES",
    "DEFAULT_MAX_PIXELS",
    "MODELS",
    "NETWORK_CONTRACT_VERSION",
    "SEGMENTERS",
    "EnsembleStep",
    "MaskRule",
    "ModelContract",
    "SegmenterContract",
    "TensorContract",
    "model",
    "segmenter",
    "segmenter_by_id",
]

CONTRACT_VERSION: Final = 2
# What a network takes and gives, INPUT and PROBABILITY. Exported weights carry it: raising it outdates them all.
NETWORK_CONTRACT_VERSION: Final = 1
DEFAULT_MAX_ENCODED_BYTES: Final = 20 * 1024 * 1024
DEFAULT_MAX_PIXELS: Final = 40_000_000

Datatype = Literal["UINT8", "FP32"]
Kind = Literal["preprocess", "segment", "postprocess", "ensemble"]


class MaskRule(str, Enum):
    """Which part of the face a segmenter sees and may mark."""

    SKIN = "skin"  # paper 1: oval minus eyes, brows, nose, lips
    FACE = "face"  # paper 2: the same with the nose kept


@dataclass(frozen=True, slots=True)
class TensorContract:
    """One tensor at a model's border.

    Attributes:
        name: Triton tensor name.
        datatype: Triton datatype.
        dims: Axis lengths without the batch axis; -1 is dynamic.
        axes: One letter per axis, such as ``CHW``.
        channels: Meaning of the channel axis in order; empty when there is none.
        value_range: Smallest and largest value.
        meaning: One sentence for a person.
    """

    name: str
    datatype: Datatype
    dims: tuple[int, ...]
    axes: str
    channels: tuple[str, ...]
    value_range: tuple[float, float]
    meaning: str

    def __post_init__(self) -> None:
        if len(self.axes) != len(self.dims):
            raise ContractError(f"{self.name}: axes {self.axes!r} and dims {self.dims} differ in length.")
        if self.channels and self.dims[self.axes.index("C")] not in (-1, len(self.channels)):
            raise ContractError(f"{self.name}: channels {self.channels} do not fit dims {self.dims}.")


@dataclass(frozen=True, slots=True)
class SegmenterContract:
    """One deployable segmenter.

    Attributes:
        name: Triton model name, also the SDK's ``model=`` value.
        id: Number that names the segmenter inside GEOMETRY.
        input_px: Side of the square network input in pixels.
        channels: Input channels in order.
        mask_rule: Which part of the face it sees.
        default_threshold: Probability at and above which a pixel is a wrinkle; tuned on validation renders.
        max_batch_size: Largest batch the dynamic batcher forms.
    """

    name: str
    id: int
    input_px: int
    channels: tuple[str, ...]
    mask_rule: MaskRule
    default_threshold: float
    max_batch_size: int = 8

    @property
    def preprocessor(self) -> str:
        """Triton name of the preprocess step."""
        return "skin_texture" if "texture" in self.channels else "skin_mask"

    @property
    def ensemble(self) -> str:
        """Triton name of the ensemble."""
        return f"wrinkle_{self.name}"


SEGMENTERS: Final = (
    SegmenterContract("unetpp", 1, 512, ("R", "G", "B"), MaskRule.SKIN, default_threshold=0.54),
    SegmenterContract("unet_texture", 2, 1024, ("R", "G", "B", "texture"), MaskRule.FACE, default_threshold=0.5),
)


@dataclass(frozen=True, slots=True)
class EnsembleStep:
    """One step of an ensemble; the maps go from the step's tensor name to the ensemble's."""

    model_name: str
    input_map: tuple[tuple[str, str], ...]
    output_map: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ModelContract:
    """One served model; a ``max_batch_size`` of 0 means that dims are the whole shape."""

    name: str
    kind: Kind
    inputs: tuple[TensorContract, ...]
    outputs: tuple[TensorContract, ...]
    max_batch_size: int = 0
    steps: tuple[EnsembleStep, ...] = ()


IMAGE: Final = TensorContract(
    "IMAGE", "UINT8", (-1,), "N", (), (0, 255), "An encoded image file: JPEG, PNG, WebP, BMP or TIFF."
)
GEOMETRY: Final = TensorContract(
    "GEOMETRY",
    "FP32",
    (-1,),
    "N",
    (),
    (float("-inf"), float("inf")),
    "Contract version, segmenter id, upright image size, alignment, quality, landmarks, times; see geometry.py.",
)
MASK_PNG: Final = TensorContract(
    "MASK_PNG", "UINT8", (-1,), "N", (), (0, 255), "1-bit PNG of the upright photograph's size; white is wrinkle."
)
PROBABILITY_PNG: Final = TensorContract(
    "PROBABILITY_PNG",
    "UINT8",
    (-1,),
    "N",
    (),
    (0, 255),
    "8-bit PNG, probability times 255, in the photograph's pixels; empty unless the request parameter asks for it.",
)
SKIN_MASK_PNG: Final = TensorContract(
    "SKIN_MASK_PNG",
    "UINT8",
    (-1,),
    "N",
    (),
    (0, 255),
    "1-bit PNG of the photograph's size, white where wrinkles may be marked; empty unless the request parameter asks.",
)
REPORT_JSON: Final = TensorContract(
    "REPORT_JSON",
    "UINT8",
    (-1,),
    "N",
    (),
    (0, 255),
    "UTF-8 JSON: regions, capture quality, warnings, step timings; see report.py.",
)

_ANSWER: Final = (MASK_PNG, PROBABILITY_PNG, SKIN_MASK_PNG, REPORT_JSON)  # of the threshold step


def _input_tensor(spec: SegmenterContract, *, with_batch: bool) -> TensorContract:
    batch, axis = ((1,), "N") if with_batch else ((), "")
    dims = (*batch, len(spec.channels), spec.input_px, spec.input_px)
    return TensorContract(
        "INPUT", "UINT8", dims, f"{axis}CHW", spec.channels, (0, 255), "The aligned face, zero outside the mask."
    )


def _probability(dims: tuple[int, ...], axes: str) -> TensorContract:
    return TensorContract(
        "PROBABILITY",
        "UINT8",
        dims,
        axes,
        (),
        (0, 255),
        "Wrinkle probability times 255, rounded, in the aligned frame.",
    )


def _segmenter_models(spec: SegmenterContract) -> tuple[ModelContract, ModelContract, ModelContract]:
    side = spec.input_px
    preprocess = ModelContract(
        spec.preprocessor, "preprocess", (IMAGE,), (_input_tensor(spec, with_batch=True), GEOMETRY)
    )
    segment = ModelContract(
        spec.name,
        "segment",
        (_input_tensor(spec, with_batch=False),),
        (_probability((side, side), "HW"),),
        max_batch_size=spec.max_batch_size,
    )
    ensemble = ModelContract(
        spec.ensemble,
        "ensemble",
        (IMAGE,),
        (*_ANSWER, GEOMETRY),
        steps=(
            EnsembleStep(
                spec.preprocessor, (("IMAGE", "IMAGE"),), (("INPUT", "network_input"), ("GEOMETRY", "GEOMETRY"))
            ),
            EnsembleStep(spec.name, (("INPUT", "network_input"),), (("PROBABILITY", "probability"),)),
            EnsembleStep(
                "threshold",
                (("PROBABILITY", "probability"), ("INPUT", "network_input"), ("GEOMETRY", "GEOMETRY")),
                tuple((tensor.name, tensor.name) for tensor in _ANSWER),
            ),
        ),
    )
    return preprocess, segment, ensemble


THRESHOLD: Final = ModelContract(
    "threshold",
    "postprocess",
    (
        _probability((-1, -1, -1), "NHW"),
        TensorContract(
            "INPUT",
            "UINT8",
            (-1, -1, -1, -1),
            "NCHW",
            (),
            (0, 255),
            "What the segmenter saw; tells deep lines from fine ones by their contrast.",
        ),
        GEOMETRY,
    ),
    _ANSWER,
)

MODELS: Final = (*(contract for spec in SEGMENTERS for contract in _segmenter_models(spec)), THRESHOLD)


def model(name: str) -> ModelContract:
    """Return the served model ``name``.

    Raises:
        ContractError: No such model.
    """
    for contract in MODELS:
        if contract.name == name:
            return contract
    raise ContractError(f"No served model is called {name!r}; there are {', '.join(m.name for m in MODELS)}.")


def segmenter(name: str) -> SegmenterContract:
    """Return the segmenter ``name``.

    Raises:
        InvalidParameterError: No such segmenter.
    """
    for spec in SEGMENTERS:
        if spec.name == name:
            return spec
    raise InvalidParameterError(f"No model is called {name!r}; choose one of {', '.join(s.name for s in SEGMENTERS)}.")


def segmenter_by_id(number: int) -> SegmenterContract:
    """Return the segmenter that GEOMETRY calls ``number``.

    Raises:
        ContractError: No such segmenter.
    """
    for spec in SEGMENTERS:
        if spec.id == number:
            return spec
    raise ContractError(f"GEOMETRY names segmenter {number}, which this contract does not know.")
