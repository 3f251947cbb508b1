"""How much the figures of a photograph change when nothing on the face does.

Each photograph is segmented again in copies that differ slightly: turned by two degrees, a tenth smaller, lighter,
darker, saved again as JPEG. A difference between two single measurements stays below r = 2.77 s in 95 of 100 cases when
nothing changed, s being the standard deviation of a repeated measurement, pooled over both photographs. It is a lower
bound: taking the photograph again changes light, pose and expression too, which no copy shows. No limit is below
``SMALLEST_LIMIT``, for where no copy shows a line the spread is 0 and a single stray dot would count as a change.

Source: ISO 5725-6:1994, section 4.1.4 (repeatability limit); Bland and Altman, "Measuring agreement in method
comparison studies", Statistical Methods in Medical Research 8, 1999, section 5.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wrinkle_core.decode import decode_image
from wrinkle_core.errors import NoFaceError
from wrinkle_core.report import RegionFigures, Report

__all__ = ["SMALLEST_LIMIT", "repeatability_limits", "repeated_reports"]

SMALLEST_LIMIT: Final = {"wrinkled_area_fraction": 0.003, "line_length_iod": 0.05, "deep_line_length_iod": 0.05}
_LIMIT_FACTOR: Final = 2.77
_FEWEST: Final = 4
_TURN_DEG: Final = 2.0
_SHRINK: Final = 0.9
_GAMMA: Final = 1.12
_JPEG_QUALITY: Final = 92

Limits = Mapping[tuple[str, str], float]


def repeated_reports(photo: bytes, segment: Callable[[bytes], Report]) -> list[Report]:
    """Return the reports of slightly different copies; one in which no face is found is left out.

    Args:
        photo: The encoded photograph.
        segment: Segments an encoded photograph.
    """
    reports = []
    for copy in _copies(decode_image(photo)):
        try:
            reports.append(segment(copy))
        except NoFaceError:
            continue
    return reports


def repeatability_limits(series: Sequence[Sequence[Report]], keys: Sequence[str]) -> Limits:
    """Return the repeatability limit by region and figure, where enough repeated measurements exist.

    Args:
        series: For each photograph the reports of itself and its copies.
        keys: Figures of ``RegionFigures`` that ``SMALLEST_LIMIT`` names.
    """
    spreads: dict[tuple[str, str], list[float]] = {}
    for reports in series:
        for name, figures in _by_region(reports).items():
            for key in keys:
                values = [value for one in figures if (value := getattr(one, key)) is not None]
                if len(values) >= _FEWEST:
                    spreads.setdefault((name, key), []).append(float(np.var(values, ddof=1)))
    return {
        place: max(SMALLEST_LIMIT[place[1]], _LIMIT_FACTOR * float(np.sqrt(np.mean(variances))))
        for place, variances in spreads.items()
        if len(variances) == len(series)
    }


def _by_region(reports: Sequence[Report]) -> dict[str, list[RegionFigures]]:
    found: dict[str, list[RegionFigures]] = {}
    for report in reports:
        for figures in (report.whole_face, *report.regions):
            found.setdefault(figures.name, []).append(figures)
    return found


def _copies(photo_rgb: NDArray[np.uint8]) -> Iterator[bytes]:
    image = Image.fromarray(np.asarray(photo_rgb))
    width, height = image.size
    yield _jpeg(image.rotate(_TURN_DEG, Image.Resampling.BICUBIC))
    yield _jpeg(image.rotate(-_TURN_DEG, Image.Resampling.BICUBIC))
    yield _jpeg(image.resize((round(_SHRINK * width) or 1, round(_SHRINK * height) or 1), Image.Resampling.LANCZOS))
    for gamma in (_GAMMA, 1 / _GAMMA):
        levels = [round(255 * (level / 255) ** gamma) for level in range(256)]
        yield _jpeg(image.point(levels * 3))


def _jpeg(image: Image.Image) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return encoded.getvalue()
