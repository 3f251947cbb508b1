"""The shared-memory rule follows the repository, and too little is told before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_core.contract import model
from wrinkle_core.errors import ServerStartError
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.triton_config import model_config
from wrinkle_server.triton import shared_memory
from wrinkle_server.triton.shared_memory import require_shared_memory, shared_memory_need

MIB = 2**20


def test_preprocessor_needs_two_of_its_largest_calls_for_each_instance_and_one_model_more() -> None:
    config = model_config(model("skin_mask"), Deployment("openvino", preprocess_instances=3, max_encoded_bytes=8 * MIB))
    call = 8 * MIB + 3 * 512 * 512 + 16 * 1024
    assert shared_memory_need([config]).most_bytes == 2 * 3 * (MIB + 2 * call)


def test_second_loaded_version_needs_as_much_again() -> None:
    config = model_config(model("unetpp"), Deployment("openvino"))
    one = shared_memory_need([config])
    config.version_policy.specific.versions.append(2)
    assert shared_memory_need([config]).most_bytes == 2 * one.most_bytes


@pytest.mark.live
def test_start_is_refused_below_the_least_and_warned_of_below_the_most(
    small_repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need = shared_memory_need(shared_memory.python_configs(small_repository))
    free = {"bytes": need.most_bytes}
    monkeypatch.setattr(shared_memory, "free_shared_memory_bytes", lambda: free["bytes"])
    assert require_shared_memory(small_repository) == ""
    free["bytes"] = need.most_bytes - 1
    assert "large photographs under load may fail" in require_shared_memory(small_repository)
    free["bytes"] = need.least_bytes - 1
    with pytest.raises(
        ServerStartError, match=r"need \d+ MiB to start; give it \d+ MiB, in containers with --shm-size"
    ):
        require_shared_memory(small_repository)
