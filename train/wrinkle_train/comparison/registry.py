"""The comparison systems that run without training: how each is called, where it comes from, how sure that is.

Recorded thresholds are the ones ``tuning.tune`` chooses on this project's own validation renders (12 photographs, best
mean strict F1); the evaluation set was not looked at for them. ``docs/comparison-systems.md`` repeats these texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.comparison.answer import LineAnswer
from wrinkle_train.comparison.gabor_batool import gabor_batool
from wrinkle_train.comparison.hybrid_hessian import hybrid_hessian
from wrinkle_train.comparison.line_tracking import line_tracking
from wrinkle_train.comparison.multiscale import multiscale
from wrinkle_train.comparison.texture_threshold import texture_threshold

__all__ = ["SYSTEMS", "ComparisonSystem", "comparison_system"]


class _MarkLines(Protocol):
    def __call__(self, face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8], *, threshold: float) -> LineAnswer: ...


@dataclass(frozen=True, slots=True)
class ComparisonSystem:
    """One system of the papers' tables.

    Attributes:
        name: What commands call it.
        title: What tables call it.
        run: Marks the lines of an aligned face; raises ContractError and InvalidParameterError.
        threshold: The one tuned number.
        threshold_meaning: What it is, with its unit.
        threshold_choices: Values that tuning tries, rising.
        citation: The source.
        known: What the source is known to do.
        assumed: What is this project's own choice.
    """

    name: str
    title: str
    run: _MarkLines
    threshold: float
    threshold_meaning: str
    threshold_choices: tuple[float, ...]
    citation: str
    known: str
    assumed: str

    def mark(self, face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8]) -> LineAnswer:
        """Mark the lines of an aligned face (S, S, 3) uint8 with skin mask (S, S) {0, 1} at the recorded threshold."""
        return self.run(face_rgb, skin, threshold=self.threshold)


_RESPONSES: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6)

_ALL: Final = (
    ComparisonSystem(
        name="texture-threshold",
        title="texture map, one threshold",
        run=texture_threshold,
        threshold=13.0,
        threshold_meaning="level of the texture map, 0 to 255",
        threshold_choices=(8.0, 13.0, 20.0, 30.0, 45.0),
        citation="Moon et al., Facial Wrinkle Segmentation for Cosmetic Dermatology, eq. 1 (the map; the cut is ours).",
        known="The map, literally: 21 x 21 Gaussian of sigma 5 px on the 1024 px face.",
        assumed="That one level could serve as a segmenter: no paper says so; it is the floor to beat.",
    ),
    ComparisonSystem(
        name="gabor-batool",
        title="Batool and Chellappa 2015, Gabor bank",
        run=gabor_batool,
        threshold=96.0,
        threshold_meaning="upper percentile of the skin's responses; the lower lies 10/3 as far from 100",
        threshold_choices=(90.0, 92.0, 94.0, 96.0, 97.0, 98.0),
        citation="N. Batool, R. Chellappa, Fast detection of facial wrinkles based on Gabor features using image "
        "morphology and geometric constraints, Pattern Recognition 48 (3), 2015.",
        known="Gabor features emphasise skin discontinuities; image morphology under geometric constraints localises "
        "curved lines.",
        assumed="12 orientations, sigma 2, 3 and 4 px, wavelength 4 sigma, aspect 0.5; hysteresis; bridging 7 px; "
        "length 15 px and elongation 3 (length / width) at least; 3 px wide marks; no answer where the opposite answer "
        "is stronger within 3 sigma. The original bank, thresholds and growing loop are unknown.",
    ),
    ComparisonSystem(
        name="hybrid-hessian",
        title="Ng et al. 2014, hybrid Hessian filter",
        run=hybrid_hessian,
        threshold=0.1,
        threshold_meaning="response, 0 to 1",
        threshold_choices=_RESPONSES,
        citation="C.-C. Ng, M. H. Yap, N. Costen, B. Li, Automatic wrinkle detection using hybrid Hessian filter, "
        "ACCV 2014.",
        known="Hessian of the vertical derivative of the 0-255 image at sigma 1, 3, 5 and 7, beta1 0.5, beta2 15, "
        "maximum over scales, 8-connected regions under 250 px dropped (from an audit that quotes the paper).",
        assumed="exp(-R / beta1) (1 - exp(-S / beta2)) without 2 beta squared; dark ridges of the derivative; the "
        "horizontal derivative too; only on curvature of dark lines; lengths in the 512 px frame.",
    ),
    ComparisonSystem(
        name="line-tracking",
        title="Ng et al. 2015, Hessian line tracking",
        run=line_tracking,
        threshold=0.02,
        threshold_meaning="least contrast of a tracked line, share of its darker side",
        threshold_choices=(0.01, 0.02, 0.03, 0.05, 0.08),
        citation="C.-C. Ng, M. H. Yap, N. Costen, B. Li, Wrinkle detection using Hessian line tracking, IEEE Access 3, "
        "2015.",
        known="Hessian seeding, then directional line tracking, which recovers hidden links between pieces.",
        assumed="Seeds where the hybrid Hessian response reaches 0.8; one seed in 6 px; steps of 1 px to the darkest "
        "of five headings within 30 degrees, straight on without contrast; an end after 10 misses, at the edge of the "
        "skin or after 200 px; sigma 1, 2 and 3 px; pixels of 2 tracks or more; length 15 px and elongation 3 at "
        "least; 3 px wide marks.",
    ),
    ComparisonSystem(
        name="multiscale-yap",
        title="Yap et al. 2018, multi-scale annotator",
        run=multiscale,
        threshold=0.2,
        threshold_meaning="response, 0 to 1, for both kinds",
        threshold_choices=_RESPONSES,
        citation="M. H. Yap et al., Automated facial wrinkles annotator, ECCV Workshops 2018.",
        known="A multi-scale hybrid Hessian filter that separates coarse from fine wrinkles, with a probability map "
        "(from memory of the paper).",
        assumed="Fine: sigma 1 and 2 px, regions of 60 px or more; coarse: sigma 3, 5 and 7 px, 250 px or more; both "
        "axes; the union; one threshold for both.",
    ),
)

SYSTEMS: Final[dict[str, ComparisonSystem]] = {system.name: system for system in _ALL}


def comparison_system(name: str) -> ComparisonSystem:
    """Return one system.

    Raises:
        InvalidParameterError: There is no such system.
    """
    if name not in SYSTEMS:
        raise InvalidParameterError(f"There is no comparison system {name[:40]!r}; there are {', '.join(SYSTEMS)}.")
    return SYSTEMS[name]
