"""Gabor bank with line localisation, after Batool and Chellappa 2015.

Their abstract says: Gabor filters emphasise discontinuities of skin texture, morphology under geometric constraints
localises curved lines. Their bank, thresholds and growing loop are not known here; every number below is ours.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.filters import apply_hysteresis_threshold

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.comparison.answer import LineAnswer
from wrinkle_train.comparison.frame import FaceFrame, face_frame
from wrinkle_train.comparison.pieces import LABEL_WIDTH_PX, long_skeleton, widened

__all__ = ["ORIENTATIONS", "gabor_batool", "gabor_response"]

ORIENTATIONS: Final = 12
_SIGMAS_PX: Final = (2.0, 3.0, 4.0)
_WAVELENGTH_SIGMAS: Final = 4.0
_ASPECT: Final = 0.5
_RING_SIGMAS: Final = 3.0
_LOW_PER_HIGH: Final = 10 / 3
_LEAST_RESPONSE: Final = 0.5
_GAP_PX: Final = 7.0
_SHORTEST_PX: Final = 15.0
_LEAST_ELONGATION: Final = 3.0


def gabor_batool(face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8], *, threshold: float) -> LineAnswer:
    """Mark the lines of one face.

    Steps: strongest even Gabor response over orientation and scale; hysteresis at two percentiles of the skin's
    responses; gaps up to 7 px bridged along the strongest orientation; thinning; pieces shorter than 15 px or less
    than 3 times as long as wide dropped; widening to label width. Lengths are pixels of the 512 px frame.

    Args:
        face_rgb: (S, S, 3) uint8 RGB, aligned.
        skin: (S, S) uint8 {0, 1}.
        threshold: Upper percentile, 70 < threshold < 100; the lower one lies 10/3 as far from 100 (97 gives 90).

    Returns:
        Mask and response in grey levels.

    Raises:
        ContractError: The face or its mask is not as above.
        InvalidParameterError: The threshold is out of range.
    """
    if not 70 < threshold < 100:
        raise InvalidParameterError(f"The Gabor percentile must lie between 70 and 100, got {threshold}.")
    frame = face_frame(face_rgb, skin)
    response, orientation = gabor_response(frame)
    values = response[frame.interior > 0]
    if not values.size:
        return LineAnswer(np.zeros_like(skin), response)
    low, high = np.percentile(values, [100 - _LOW_PER_HIGH * (100 - threshold), threshold])
    lines = apply_hysteresis_threshold(  # type: ignore[no-untyped-call]
        response, max(float(low), _LEAST_RESPONSE), max(float(high), _LEAST_RESPONSE)
    )
    bridged = _bridged(np.asarray(lines, np.uint8), orientation, frame.px(_GAP_PX)) & frame.interior
    kept = long_skeleton(bridged, frame.px(_SHORTEST_PX), _LEAST_ELONGATION)
    return LineAnswer(widened(kept, frame.px(LABEL_WIDTH_PX)) & skin, response)


def gabor_response(frame: FaceFrame) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the strongest answer of the bank and its orientation.

    Returns:
        Response (S, S) float32 in grey levels, 0 or more, 0 outside the interior; and orientation (S, S) uint8, number
        n of 12: the line runs at pi n / 12 from the x axis, y down. Beside a bright line even filters ring: where the
        opposite answer within 3 sigma is stronger, the response is 0.
    """
    strongest = np.zeros(frame.grey.shape, np.float32)
    orientation = np.zeros(frame.grey.shape, np.uint8)
    left, top, width, height = cv2.boundingRect(frame.interior)
    inside = (slice(top, top + height), slice(left, left + width))
    for sigma_px in _SIGMAS_PX if width else ():
        answer, number = _strongest(frame.grey, inside, frame.px(sigma_px))
        stronger = answer > strongest[inside]
        strongest[inside][stronger], orientation[inside][stronger] = answer[stronger], number[stronger]
    return strongest * frame.interior, orientation


def _strongest(
    grey: NDArray[np.float32], inside: tuple[slice, slice], sigma_px: float
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the largest answer of one scale and its orientation in the box ``inside``."""
    bank = _bank(sigma_px)
    reach = bank[0].shape[0] // 2
    padded = cv2.copyMakeBorder(grey, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
    around = padded[inside[0].start : inside[0].stop + 2 * reach, inside[1].start : inside[1].stop + 2 * reach]
    dark = np.full(around.shape, -np.inf, np.float32)
    bright = dark.copy()
    number = np.zeros(around.shape, np.uint8)
    for n, kernel in enumerate(bank):
        answer = cv2.filter2D(around, cv2.CV_32F, kernel)
        number[answer > dark] = n
        np.maximum(dark, answer, out=dark)
        np.maximum(bright, -answer, out=bright)
    ring = 2 * round(_RING_SIGMAS * sigma_px) + 1
    dark[dark < cv2.dilate(bright, np.ones((ring, ring), np.uint8))] = 0
    inner = slice(reach, -reach)
    return dark[inner, inner], number[inner, inner]


@lru_cache(maxsize=16)
def _bank(sigma_px: float) -> tuple[NDArray[np.float32], ...]:
    """Return even kernels that answer a dark line with its depth; kernel n fits a line at pi n / 12.

    Their mean is taken away under the Gaussian envelope: a constant taken away would leave tails that answer to
    whatever lies far beside.
    """
    side = 2 * math.ceil(3 * sigma_px / _ASPECT) + 1
    bank = []
    for n in range(ORIENTATIONS):
        across = math.pi * n / ORIENTATIONS + math.pi / 2
        wave, flat = (
            np.asarray(cv2.getGaborKernel((side, side), sigma_px, across, wavelength, _ASPECT, 0), np.float64)
            for wavelength in (_WAVELENGTH_SIGMAS * sigma_px, math.inf)
        )
        zero_mean = wave - flat * (wave.sum() / flat.sum())
        bank.append((-zero_mean / zero_mean[zero_mean > 0].sum()).astype(np.float32))
    return tuple(bank)


def _bridged(mask: NDArray[np.uint8], orientation: NDArray[np.uint8], gap_px: float) -> NDArray[np.uint8]:
    """Close gaps along the line: each orientation's pixels, with its neighbours', by a segment of that direction."""
    bridged = mask.copy()
    reach = max(round(gap_px / 2), 1)
    for n in range(ORIENTATIONS):
        apart = (orientation.astype(np.int16) - n) % ORIENTATIONS
        alike = mask * ((apart <= 1) | (apart == ORIENTATIONS - 1))
        segment = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
        angle = math.pi * n / ORIENTATIONS
        dx, dy = round(reach * math.cos(angle)), round(reach * math.sin(angle))
        cv2.line(segment, (reach - dx, reach - dy), (reach + dx, reach + dy), (1,), 1)
        bridged |= np.asarray(cv2.morphologyEx(alike.astype(np.uint8), cv2.MORPH_CLOSE, segment), np.uint8)
    return bridged
