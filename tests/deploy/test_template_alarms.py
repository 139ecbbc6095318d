"""The alarms of the template: AWS or the processes' log really has the metrics that they measure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from approvals.actions import decisions
from approvals.actions.decisions import DecisionRequest
from approvals.delivery import lanes
from approvals.gateways import histories, stepfunctions
from approvals.gateways.errors import Answer, Proof
from approvals.models import OutboxEntry, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.worker import periodic
from tests import factories
from tests.deploy import template
from tests.factories import actor

TEMPLATE = template.load()
STACK = TEMPLATE["Resources"]
ALARMS = template.of_type(TEMPLATE, "AWS::CloudWatch::Alarm")
FILTERS = template.of_type(TEMPLATE, "AWS::Logs::MetricFilter")
OURS = {"Fn::Sub": "Countersign/${NamePrefix}desk"}
# Amazon SQS and Step Functions developer guides: the metrics of a queue and of a state machine.
OF_AWS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
    ("AWS/States", "ExecutionsTimedOut", "StateMachineArn"),
}


def measured(line: dict[str, Any]) -> dict[str, float]:
    """The metrics that CloudWatch Logs would make of one line, by the template's filters.

    Of the pattern language only what they use: `{ ($.a = "x") && ($.b = *) }` and the same with `||`.
    """
    found = {}
    for properties in FILTERS.values():
        pattern = properties["FilterPattern"]
        terms = [
            field in line and wanted in ("*", f'"{line[field]}"')
            for field, wanted in re.findall(r'\(\$\.(\w+) = ("[^"]*"|\*)\)', pattern)
        ]
        assert terms, pattern
        if (any if "||" in pattern else all)(terms):
            (made,) = properties["MetricTransformations"]
            value = made["MetricValue"]
            found[made["MetricName"]] = float(line[value[2:]] if value[:2] == "$." else value)
    return found


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, float]]:
    """Return the metrics of each log line so far that has any."""
    lines: list[Any] = [record.msg for record in caplog.records]
    return [made for line in lines if (made := measured(line))]


def approve(by: User) -> OutboxEntry:
    request = DecisionRequest(undo_seconds=0)
    decisions.decide(factories.review().pk, Outcome.APPROVED, by=actor(by), request=request)
    return OutboxEntry.objects.latest("created_at")


def test_every_alarm_watches_a_metric_that_exists() -> None:
    made = {each["MetricTransformations"][0]["MetricName"] for each in FILTERS.values()}
    for alarm in ALARMS.values():
        name, namespace = alarm["MetricName"], alarm["Namespace"]
        if namespace == OURS:
            assert name in made
            assert "Dimensions" not in alarm  # a metric filter without dimensions makes none
        else:
            (dimension,) = alarm["Dimensions"]
            assert (namespace, name, dimension["Name"]) in OF_AWS

    assert {each["MetricTransformations"][0]["MetricNamespace"]["Fn::Sub"] for each in FILTERS.values()} == {
        OURS["Fn::Sub"]
    }  # fmt: skip


def test_each_kind_of_problem_has_an_alarm() -> None:
    assert {alarm["MetricName"] for alarm in ALARMS.values()} == {
        "ApproximateNumberOfMessagesVisible",
        "OldestOpenReview",
        "LateDecisions",
        "ParkedDecisions",
        "ExecutionsTimedOut",
    }
    action = {"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]}
    assert all(alarm["AlarmActions"] == [action] for alarm in ALARMS.values())


def test_every_state_machine_has_an_alarm_for_its_own_timeout() -> None:
    watched = {
        alarm["Dimensions"][0]["Value"]["Ref"]
        for alarm in ALARMS.values()
        if alarm["MetricName"] == "ExecutionsTimedOut"
    }

    assert watched == set(template.of_type(TEMPLATE, "AWS::StepFunctions::StateMachine"))


def test_missing_reports_of_the_sweeper_are_an_alarm_and_missing_problems_are_not() -> None:
    silent = {
        alarm["MetricName"] for alarm in ALARMS.values() if alarm["TreatMissingData"] == "breaching"
    }

    assert silent == {"OldestOpenReview", "LateDecisions"}


def test_messages_outlive_the_longest_review() -> None:
    longest = TEMPLATE["Parameters"]["ReviewTimeoutSeconds"]["MaxValue"]
    for queue in ("ReviewQueue", "ReviewDeadLetterQueue"):
        assert STACK[queue]["Properties"]["MessageRetentionPeriod"] >= 2 * longest


@pytest.mark.django_db
def test_the_report_says_how_old_the_oldest_open_review_is(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    periodic.report()
    old, older_but_decided = factories.review(), factories.review()
    factories.review()
    decisions.decide(
        older_but_decided.pk,
        Outcome.APPROVED,
        by=actor(alice),
        request=DecisionRequest(undo_seconds=0),
    )
    for review, hours in ((old, 3), (older_but_decided, 9)):
        ReviewTask.objects.filter(pk=review.pk).update(received_at=Now() - timedelta(hours=hours))
    periodic.report()

    empty, full = (found["OldestOpenReview"] for found in logged(caplog))
    assert empty == 0
    assert full == pytest.approx(3 * 3600, abs=60)


@pytest.mark.django_db
def test_the_report_counts_decisions_that_could_have_left_and_did_not(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    ages = {"created_at": Now() - timedelta(hours=1), "attempts": 3}
    long_ago = Now() - timedelta(minutes=6)
    lines: list[dict[str, Any]] = [
        {"state": "waiting", "not_before": long_ago},  # no worker sends it
        {"state": "waiting", **ages},  # tried again and again
        {"state": "sending", "lease_until": long_ago},  # its worker died, and no other has taken it
        {
            "state": "waiting",
            "created_at": Now() - timedelta(hours=1),
        },  # its undo window is just over
        {"state": "waiting", "attempts": 2},  # has failed for a short time only
        {"state": "sending", "lease_until": Now() + timedelta(seconds=30), **ages},  # on its way
        {"state": "settled", "ended_at": Now(), **ages},
    ]
    for changes in lines:
        OutboxEntry.objects.filter(pk=approve(alice).pk).update(**changes)

    periodic.report()

    assert [found["LateDecisions"] for found in logged(caplog)] == [3]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "becomes"),
    [
        (Proof.INVALID_OUTPUT, "parked"),
        (Proof.CLOSED, "unconfirmed"),
        (Proof.ACCEPTED, "delivered"),
    ],
)
def test_a_decision_that_is_given_up_is_counted_when_it_is(
    code: Proof,
    becomes: str,
    alice: User,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    denied = Answer(Proof.ACCESS_DENIED, "AccessDeniedException")
    monkeypatch.setattr(histories, "read", lambda *_: (denied, None))
    monkeypatch.setattr(stepfunctions, "send_task_success", lambda *_: Answer(code, "detail"))
    entry = approve(alice)

    lanes.deliver(entry.pk)

    entry.refresh_from_db()
    assert entry.delivery.state == becomes
    given_up = {} if becomes == "delivered" else {"ParkedDecisions": 1}
    assert logged(caplog) == [given_up] * bool(given_up)
