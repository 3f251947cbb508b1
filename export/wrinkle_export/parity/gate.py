"""The gate: every artifact of a network, and the live ensemble, against PyTorch in FP32.

One runtime is loaded at a time. Only PyTorch's answers are kept, about 5 bytes per network pixel and picture.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from wrinkle_core.contract import segmenter
from wrinkle_core.errors import ArtifactError
from wrinkle_core.parity_limits import parity_limits
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.artifacts.manifest import ParityRecord, Source, sha256_of
from wrinkle_export.graph.network_source import NetworkSource
from wrinkle_export.parity.candidates import Candidate, NotCompared, candidates, common_source
from wrinkle_export.parity.compare import (
    Comparison,
    PictureDifference,
    compare,
    difference,
    difference_in_photograph,
    in_photograph,
)
from wrinkle_export.parity.difference_report import (
    Case,
    mask_difference,
    probability_difference,
    remove_cases,
    write_case,
)
from wrinkle_export.parity.live import LiveEnsemble
from wrinkle_export.parity.pictures import Picture, Pictures
from wrinkle_export.parity.runners import Answer, torch_runner
from wrinkle_train.recipe import Recipe

__all__ = ["NetworkVerdict", "reference_of", "verify"]

_WORST: Final = 3


@dataclass(frozen=True, slots=True)
class NetworkVerdict:
    """What was found for one network.

    Attributes:
        network: What the build folder calls it.
        comparisons: One per way of running it.
        not_compared: What was left out.
        without_face: Photographs that were left out.
        pictures: How many were compared.
        data_sha256: Of these.
        cases: Folders with pictures and scripts of failures.
    """

    network: str
    comparisons: tuple[Comparison, ...]
    not_compared: tuple[NotCompared, ...]
    without_face: tuple[str, ...]
    pictures: int
    data_sha256: str
    cases: tuple[Path, ...]

    @property
    def passed(self) -> bool:
        """Return whether every limit was kept."""
        return all(one.passed for one in self.comparisons)

    def as_json(self) -> dict[str, object]:
        """Return the verdict for a report; cases are left out, for they are paths."""
        return {
            "network": self.network,
            "passed": self.passed,
            "pictures": self.pictures,
            "without_face": list(self.without_face),
            "data_sha256": self.data_sha256,
            "not_compared": [asdict(one) for one in self.not_compared],
            "comparisons": [{**asdict(one), "broken": list(one.broken)} for one in self.comparisons],
        }


def reference_of(source: Source, checkpoint: Path | None) -> NetworkSource:
    """Return the network that artifacts were made from.

    Args:
        source: The artifacts' account of it.
        checkpoint: Its safetensors file; not needed for random weights.

    Raises:
        ArtifactError: The checkpoint is missing or is not the one the artifacts were made from.
    """
    recipe = Recipe.model_validate(source.recipe)
    if source.checkpoint_sha256 is None:
        return NetworkSource(source.network, recipe, None, source.random_seed)
    if checkpoint is None or not checkpoint.is_file():
        raise ArtifactError(
            f"{source.network} was exported from a checkpoint with sha256 {source.checkpoint_sha256[:12]}...; "
            "name the file with --checkpoint."
        )
    if sha256_of(checkpoint) != source.checkpoint_sha256:
        raise ArtifactError(f"{checkpoint.name} is not the checkpoint that {source.network} was exported from.")
    return NetworkSource(source.network, recipe, checkpoint, None)


def verify(
    build: BuildFolder,
    reference: NetworkSource,
    pictures: Pictures,
    report: Path,
    *,
    url: str | None = None,
    only: Collection[str] | None = None,
    on_comparison: Callable[[Comparison], None] | None = None,
) -> NetworkVerdict:
    """Compare everything the build folder holds of a network, write down failures and record the figures.

    Args:
        build: The build folder.
        reference: The network, from ``reference_of``.
        pictures: Prepared for it.
        report: Where failures are written.
        url: Of a server whose ensemble is compared too.
        only: Keys of limits; None compares all.
        on_comparison: Called after each.

    Raises:
        ArtifactError: Bytes changed, artifacts do not belong together, one cannot be run, or none can be compared.
        WrinkleError: The server at ``url`` cannot answer.
    """
    network = reference.name
    common_source(build, network)
    found, not_compared = candidates(build, network, only)
    if not found and url is None:
        raise ArtifactError(f"Nothing of {network} can be compared here: {_reasons(not_compared)}.")
    if url is not None and not (reference.recipe.is_servable and reference.checkpoint):
        raise ArtifactError(f"{network} is no segmenter that a server could serve; leave --url out.")
    remove_cases(report, network)
    run = torch_runner(reference.network())
    answers = [run(picture.network_input) for picture in pictures.used]
    del run
    has_masks = reference.checkpoint is not None
    comparisons: list[Comparison] = []
    cases: list[Path] = []

    def settle(comparison: Comparison, failed: Sequence[Case]) -> None:
        comparisons.append(comparison)
        cases.extend(write_case(case, report, network) for case in failed)
        if on_comparison is not None:
            on_comparison(comparison)

    for candidate in found:
        comparison, failed = _judge(candidate, pictures.used, answers, has_masks=has_masks)
        build.record_parity(candidate.artifact, (_record(comparison, pictures.data_sha256),))
        settle(comparison, failed)
    if url is not None:
        settle(*_judge_live(url, reference.recipe.segmenter, pictures.used, answers))
    return NetworkVerdict(
        network=network,
        comparisons=tuple(comparisons),
        not_compared=tuple(not_compared),
        without_face=pictures.without_face,
        pictures=len(pictures.used),
        data_sha256=pictures.data_sha256,
        cases=tuple(cases),
    )


def _judge(
    candidate: Candidate, pictures: Sequence[Picture], answers: Sequence[Answer], *, has_masks: bool
) -> tuple[Comparison, list[Case]]:
    run = candidate.start()
    differences: list[PictureDifference] = []
    is_exact = True
    for picture, wanted in zip(pictures, answers, strict=True):
        answer = run(picture.network_input)
        is_exact = is_exact and answer.is_exact
        differences.append(difference(picture, wanted, answer, masks=has_masks))
    comparison = compare(candidate.runtime, differences, parity_limits(candidate.runtime), is_exact=is_exact)
    failed = []
    for index in _failed(comparison):
        picture, wanted = pictures[index], answers[index]
        answer = run(picture.network_input)
        image = (
            mask_difference(picture, in_photograph(picture, wanted.levels), in_photograph(picture, answer.levels))
            if has_masks
            else probability_difference(picture, wanted.probability, answer.probability)
        )
        failed.append(
            Case(
                runtime=candidate.runtime,
                picture=picture,
                found=differences[index],
                engine=candidate.engine,
                target=candidate.path,
                hint=candidate.hint,
                image_rgb=image,
                probability=wanted.probability,
                levels=wanted.levels,
            )
        )
    return comparison, failed


def _judge_live(
    url: str, name: str, pictures: Sequence[Picture], answers: Sequence[Answer]
) -> tuple[Comparison, list[Case]]:
    differences: list[PictureDifference] = []
    with LiveEnsemble(url, segmenter(name)) as ensemble:
        for picture, answer in zip(pictures, answers, strict=True):
            wanted = in_photograph(picture, answer.levels)
            differences.append(difference_in_photograph(picture, wanted, ensemble.segment(picture.encoded)))
        comparison = compare("live", differences, parity_limits("live"), is_exact=False)
        failed = []
        for index in _failed(comparison):
            picture = pictures[index]
            wanted = in_photograph(picture, answers[index].levels)
            image = mask_difference(picture, wanted, ensemble.segment(picture.encoded))
            exact = wanted.levels.astype(np.float32) / np.float32(255)
            failed.append(Case("live", picture, differences[index], "live", url, "", image, exact, wanted.levels))
    return comparison, failed


def _reasons(left_out: Sequence[NotCompared]) -> str:
    return "; ".join(f"{one.what}, {one.why}" for one in left_out) or "there are no artifacts"


def _failed(comparison: Comparison) -> list[int]:
    """Return the indices of the worst pictures of a comparison that broke a limit."""
    if comparison.passed:
        return []
    names = [one.name for one in comparison.pictures]
    return [names.index(name) for name in comparison.worst(_WORST)]


def _record(comparison: Comparison, data_sha256: str) -> ParityRecord:
    return ParityRecord(
        runtime=comparison.runtime,
        passed=comparison.passed,
        pictures=len(comparison.pictures),
        figures=comparison.figures,
        limits=comparison.limits,
        data_sha256=data_sha256,
    )
