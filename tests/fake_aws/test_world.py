"""Names drawn from a seed."""

from __future__ import annotations

from tests.fake_aws import FakeAws


def test_two_runs_with_one_seed_have_the_same_tokens() -> None:
    def run(seed: int) -> tuple[list[str], list[str]]:
        with FakeAws(seed=seed, fsync=False) as aws:
            queue = aws.create_queue("manual-review")
            arn = aws.start(aws.machine(review_queue_url=queue), "o-1")
            aws.retry(aws.tasks(arn)[0]["token"])
            tasks = aws.tasks(arn)
            return [task["token"] for task in tasks], [task["message_id"] for task in tasks]

    assert run(5) == run(5)
    assert run(5) != run(6)
