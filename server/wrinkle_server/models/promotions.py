"""Which versions served when: the file ``promotions.json`` of a repository, which a roll-back reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from wrinkle_core.errors import ArtifactError
from wrinkle_export.repository.assemble import PROMOTIONS_FILE
from wrinkle_export.repository.config_file import replace_file

__all__ = ["Promotion", "Promotions"]

_MAX_KEPT: Final = 50


@dataclass(frozen=True, slots=True)
class Promotion:
    """One version that began to serve; ``since`` is ISO 8601 in UTC, empty for what the repository began with."""

    version: int
    since: str


_FORM: Final = TypeAdapter(dict[str, list[Promotion]])


@dataclass(frozen=True, slots=True)
class Promotions:
    """The promotions of one segmenter, the newest last."""

    repository: Path
    segmenter: str

    def all(self) -> tuple[Promotion, ...]:
        """Return what is known of this segmenter.

        Raises:
            ArtifactError: The file is damaged.
        """
        return tuple(self._read().get(self.segmenter, ()))

    def record(self, version: int, instead_of: int) -> None:
        """Add that ``version`` serves from now on instead of another one; nothing when it is the newest already.

        Raises:
            ArtifactError: The file is damaged or cannot be written.
        """
        document = self._read()
        history = document.setdefault(self.segmenter, [])
        if not history:
            history.append(Promotion(instead_of, ""))
        if history[-1].version == version:
            return
        history.append(Promotion(version, datetime.now(timezone.utc).isoformat(timespec="seconds")))
        del history[:-_MAX_KEPT]
        text = json.dumps(_FORM.dump_python(document, mode="json"), indent=1) + "\n"
        replace_file(self.repository / PROMOTIONS_FILE, text)

    def before(self, serving: int) -> int | None:
        """Return the version that served before ``serving``, None when none did.

        Raises:
            ArtifactError: The file is damaged.
        """
        return next((one.version for one in reversed(self.all()) if one.version != serving), None)

    def since(self, serving: int) -> str:
        """Return since when ``serving`` serves, empty when that is not known.

        Raises:
            ArtifactError: The file is damaged.
        """
        history = self.all()
        return history[-1].since if history and history[-1].version == serving else ""

    def _read(self) -> dict[str, list[Promotion]]:
        file = self.repository / PROMOTIONS_FILE
        try:
            return _FORM.validate_json(file.read_bytes()) if file.exists() else {}
        except (OSError, ValidationError) as error:
            raise ArtifactError(
                f"{PROMOTIONS_FILE} of the repository cannot be read; remove it, then `rollback` forgets what served."
            ) from error
