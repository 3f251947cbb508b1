"""Comparison systems that need no training: texture map, Gabor bank with thinning, Hessian ridge.

Each maps a ``unetpp`` network input, (1, 3, S, S) uint8, to a score map, (1, S, S) uint8, so that it runs behind the
same preprocess and threshold steps as a network. Outside the mask the face is filled in smoothly: a hard edge is no
wrinkle.

Source: Batool and Chellappa 2015 (Gabor bank); Ng et al. 2014 (ridge measure of the hybrid Hessian filter);
the original texts give no full parameters, so these are our reading of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.texture import texture_map

__all__ = ["FILTERS", "gabor_lines", "hessian_ridges", "texture_score"]

_Pixels = NDArray[np.uint8]
_Plane = NDArray[np.float32]

_ORIENTATIONS: Final = 12
_GABOR_SIGMAS_PX: Final = (1.5, 2.5)
_HESSIAN_SIGMAS_PX: Final = (1.0, 2.0, 3.0)
_SHORTEST_LINE_PX: Final = 15
_SMALLEST_RIDGE_PX: Final = 40
_BLOBNESS, _STRUCTURE = 0.5, 15.0


def texture_score(pixels: _Pixels) -> _Pixels:
    """Return the texture map (paper 2, eq. 1) of the filled face at twice its size, brought back."""
    filled, mask = _filled(pixels)
    side = mask.shape[0]
    rgb = np.repeat(np.clip(filled, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    large = texture_map(np.asarray(cv2.resize(rgb, (2 * side, 2 * side), interpolation=cv2.INTER_LINEAR), np.uint8))
    small = cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    return _scores(small * 4, mask)


def gabor_lines(pixels: _Pixels) -> _Pixels:
    """Return thinned responses of an even Gabor bank: strongest orientation, long pieces only."""
    filled, mask = _filled(pixels)
    contrast = filled / np.maximum(cv2.GaussianBlur(filled, (0, 0), 12), 8)
    bank = [cv2.filter2D(contrast, cv2.CV_32F, kernel) for kernel in _gabor_bank()]
    stacked = np.stack(bank).reshape(len(_GABOR_SIGMAS_PX), _ORIENTATIONS, *mask.shape).max(axis=0)
    strongest, orientation = stacked.max(axis=0), stacked.argmax(axis=0)
    thin = _suppress(strongest, orientation) * _eroded(mask)
    kept = _long_pieces(thin, floor=0.01, shortest=_SHORTEST_LINE_PX)
    return _scores(cv2.dilate(kept, np.ones((3, 3), np.uint8)) * 1500, mask)


def hessian_ridges(pixels: _Pixels) -> _Pixels:
    """Return the ridge measure of the hybrid Hessian filter on the grey face itself, small regions dropped.

    The original takes the Hessian of the vertical gradient, for foreheads; that answers beside a line, not on it, and
    costs strict scores, so the whole-face reading here is the plain Hessian.
    """
    filled, mask = _filled(pixels)
    best = np.zeros(mask.shape, np.float32)
    for sigma_px in _HESSIAN_SIGMAS_PX:
        best = np.maximum(best, _ridge(filled, sigma_px))
    kept = _long_pieces(best * _eroded(mask), floor=0.1, shortest=_SMALLEST_RIDGE_PX)
    return _scores(kept * 255, mask)


FILTERS: Final[dict[str, Callable[[_Pixels], _Pixels]]] = {
    "texture map": texture_score,
    "Hessian ridge": hessian_ridges,
    "Gabor bank + thinning": gabor_lines,
}


def _filled(pixels: _Pixels) -> tuple[_Plane, _Pixels]:
    """Return grey (S, S) with everything outside the mask replaced by a smooth continuation, and the mask."""
    rgb = np.ascontiguousarray(pixels[0, :3].transpose(1, 2, 0))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mask = (rgb.max(axis=2) > 0).astype(np.uint8)
    weight = mask.astype(np.float32)
    filled, known = grey * weight, weight.copy()
    for sigma_px in (2.0, 5.0, 12.0, 40.0):
        total = cv2.GaussianBlur(known, (0, 0), sigma_px)
        mean = cv2.GaussianBlur(filled, (0, 0), sigma_px) / np.maximum(total, 1e-6)
        new = (known == 0) & (total > 0.05)
        filled[new], known[new] = mean[new], 1
    filled[known == 0] = float(grey[mask > 0].mean()) if mask.any() else 0.0
    return filled, mask


def _eroded(mask: _Pixels) -> _Plane:
    return cv2.erode(mask, np.ones((5, 5), np.uint8)).astype(np.float32)


def _scores(response: _Plane, mask: _Pixels) -> _Pixels:
    return np.asarray(np.clip(response * mask, 0, 255).astype(np.uint8)[np.newaxis])


@lru_cache(maxsize=1)
def _gabor_bank() -> tuple[_Plane, ...]:
    """Even, zero-mean kernels that answer positively to a dark line; wavelength 4 sigma, aspect 0.5."""
    bank = []
    for sigma_px in _GABOR_SIGMAS_PX:
        side = 2 * math.ceil(4 * sigma_px) + 1
        for number in range(_ORIENTATIONS):
            angle = math.pi * number / _ORIENTATIONS
            even = np.asarray(cv2.getGaborKernel((side, side), sigma_px, angle, 4 * sigma_px, 0.5, 0), np.float64)
            zero_mean = even - even.mean()
            bank.append((-zero_mean / np.abs(zero_mean).sum()).astype(np.float32))
    return tuple(bank)


def _suppress(response: _Plane, orientation: NDArray[np.int64]) -> _Plane:
    """Keep a pixel only where it is the largest across its line; kernel n varies along angle pi n / 12."""
    kept = np.zeros_like(response)
    padded = np.pad(response, 1)
    rows, columns = np.indices(response.shape)
    angle = np.pi * orientation / _ORIENTATIONS
    dx, dy = np.rint(np.cos(angle)).astype(int), np.rint(np.sin(angle)).astype(int)
    ahead = padded[rows + 1 + dy, columns + 1 + dx]
    behind = padded[rows + 1 - dy, columns + 1 - dx]
    largest = (response >= ahead) & (response >= behind)
    kept[largest] = response[largest]
    return kept


def _long_pieces(response: _Plane, *, floor: float, shortest: int) -> _Plane:
    _, labels, stats, _ = cv2.connectedComponentsWithStats((response > floor).astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= shortest
    large[0] = False
    return np.asarray(response * large[labels], np.float32)


def _ridge(grey: _Plane, sigma_px: float) -> _Plane:
    """Return exp(-R / b1) (1 - exp(-S / b2)) where the larger curvature is that of a dark line, R and S as in HHF."""
    smooth = cv2.GaussianBlur(grey, (0, 0), sigma_px)
    scale = sigma_px**2
    xx = cv2.Sobel(smooth, cv2.CV_32F, 2, 0, ksize=3, scale=scale / 4)
    yy = cv2.Sobel(smooth, cv2.CV_32F, 0, 2, ksize=3, scale=scale / 4)
    xy = cv2.Sobel(smooth, cv2.CV_32F, 1, 1, ksize=3, scale=scale / 4)
    mean, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    swap = mean < 0
    large = np.where(swap, mean - spread, mean + spread)
    small = np.where(swap, mean + spread, mean - spread)
    blob = (small / np.where(large == 0, 1, large)) ** 2
    strength = small**2 + large**2
    response = np.exp(-blob / _BLOBNESS) * (1 - np.exp(-strength / (_STRUCTURE**2)))
    return np.asarray(np.where(large > 0, response, 0), np.float32)
