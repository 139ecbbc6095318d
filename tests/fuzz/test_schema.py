"""What the OpenAPI document promises is what the API does, for requests that nobody thought of.

`make fuzz` runs all of it, `make test-campaigns` a part.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db import connections

from tests.fuzz.campaign import Campaign

PART = 500
REPORT = Path("var/fuzz.json")


@pytest.fixture
def one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The campaign's thread keeps its connection, as a pool would."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", None)


@pytest.mark.campaign
@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("default")  # Hypothesis and its kin warn of what they make up
@pytest.mark.usefixtures("away", "one_connection")
def test_the_api_keeps_what_its_document_promises(capsys: pytest.CaptureFixture[str]) -> None:
    cases = int(os.environ.get("FUZZ_CASES", PART))
    whole = "FUZZ_CASES" in os.environ
    campaign = Campaign(seed=int(os.environ.get("FUZZ_SEED", "1")), cases=cases)
    try:
        report = campaign.run(edges=whole)
    finally:
        campaign.close()

    if whole:
        report.write(REPORT)
        with capsys.disabled():
            print(f"\n{report}")  # noqa: T201
    missed = report.never_succeeded(campaign.operations) if whole else []
    assert not report.new, f"{report}"
    assert not missed, f"never answered 2xx: {missed}"
