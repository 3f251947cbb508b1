"""A model's ``config.pbtxt`` in a repository, read and replaced in one step."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from wrinkle_core.errors import ArtifactError

__all__ = ["CONFIG_FILE", "read_config", "replace_file", "write_config"]

CONFIG_FILE: Final = "config.pbtxt"
_NOTE: Final = "# Written by `wrinkle models`."


def read_config(model_folder: Path) -> pb.ModelConfig:
    """Return the configuration of the model in ``model_folder``.

    Raises:
        ArtifactError: There is none, or it is no Triton configuration.
    """
    try:
        text = (model_folder / CONFIG_FILE).read_text(encoding="utf-8")
        return text_format.Parse(text, pb.ModelConfig())
    except OSError as error:
        raise ArtifactError(f"The repository has no {model_folder.name}/{CONFIG_FILE}: {error.strerror}.") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{model_folder.name}/{CONFIG_FILE} is no Triton configuration.") from error


def write_config(model_folder: Path, config: pb.ModelConfig) -> None:
    """Replace the configuration of the model in ``model_folder``; a reader sees the old or the new one, whole.

    Raises:
        ArtifactError: The repository cannot be written.
    """
    replace_file(model_folder / CONFIG_FILE, f"{_NOTE}\n{text_format.MessageToString(config)}")


def replace_file(file: Path, text: str) -> None:
    """Replace a file of the repository; a reader sees the old or the new one, whole.

    Raises:
        ArtifactError: The repository cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=file.parent) as scratch:
            fresh = Path(scratch, file.name)
            with fresh.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(file)
    except OSError as error:
        raise ArtifactError(f"{file.name} cannot be written to the repository: {error.strerror}.") from error
