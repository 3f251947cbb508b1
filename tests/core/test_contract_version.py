from __future__ import annotations

import pytest

from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_core.contract_version import require_contract_version
from wrinkle_core.errors import ContractError


def message_of(found: object) -> str:
    with pytest.raises(ContractError) as caught:
        require_contract_version(found, of="The server", here="this client")
    return str(caught.value)


@pytest.mark.parametrize("found", [CONTRACT_VERSION, float(CONTRACT_VERSION)])
def test_the_same_version_passes(found: object) -> None:
    require_contract_version(found, of="The server", here="this client")


def test_an_older_server_is_the_one_to_upgrade() -> None:
    assert message_of(CONTRACT_VERSION - 1) == (
        f"The server is of contract version {CONTRACT_VERSION - 1}, this client speaks {CONTRACT_VERSION}: "
        "the server is older; upgrade the server."
    )


def test_an_older_client_is_the_one_to_upgrade() -> None:
    assert message_of(CONTRACT_VERSION + 1).endswith("this client is older; upgrade this client.")


@pytest.mark.parametrize("found", [None, "2", True, [], {}])
def test_what_is_no_version_is_refused(found: object) -> None:
    assert message_of(found).startswith("The server tells no contract version")
