"""Rules on reviews: what is retried."""

from __future__ import annotations

import pytest

from tests.workflows.linting.definitions import ASK, definition, findings, waits, workflow


@pytest.mark.parametrize("name", ["States.ALL", "States.TaskFailed", "ReviewRejected"])
def test_a_retry_that_takes_a_rejection_is_found(name: str) -> None:
    review = waits(Retry=[{"ErrorEquals": [name]}])

    assert findings(definition(workflow(Ask=review))) == [("review-retries-rejection", ASK)]


def test_a_retry_of_what_failed_to_send_is_not() -> None:
    review = waits(Retry=[{"ErrorEquals": ["SQS.SdkClientException", "SQS.AmazonSQSException"]}])

    assert findings(definition(workflow(Ask=review))) == []
