"""The server process of the local account."""

from __future__ import annotations

import pytest

from local import aws as local_aws
from local.processes import LocalError


def test_a_port_in_use_is_one_clear_line(local_account: local_aws.Account) -> None:
    port = int(local_account.endpoint.rpartition(":")[2])

    with pytest.raises(LocalError, match=f"port {port} .* is in use") as refused:
        local_aws.start(port)

    assert "\n" not in str(refused.value)
