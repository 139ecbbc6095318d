"""The contract: what others script against. It only grows; a line that changes here breaks somebody.

Make targets, commands, environment, processes, addresses, the REST interface, its errors, and the
files. What is written here and not built yet stands in NOT_YET_DUE with its reason; a test fails as
soon as it exists, so that the list can only shrink.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# --- make

MAKE = [
    "demo",
    "test",
    "check",
    "setup",
    "bench",
    "faults",
    "batches",
    "abuse",
    "fuzz",
    "image-test",
    "screenshots",
    "assets",
    "release-dump",
]

# --- commands: python manage.py ...


class Command(NamedTuple):
    """A command: its verbs or positionals, its options, and a user's mistakes with their exit codes."""

    takes: str
    options: str
    mistakes: dict[str, int]


COMMANDS = {
    "poll_queue": Command(
        "",
        "--queue --once --max-messages --threads --dead-letters",
        {"--queue nowhere": 1, "--threads 0": 2, "--threads many": 2, "--bogus": 2},
    ),
    "sweep": Command("", "--once", {"twice": 2}),
    "demo": Command("", "", {}),
    "register_queue": Command(
        "slug",
        "--sqs-url --name --region --role-arn --timeout-seconds --reject-as --error-name"
        " --at-deadline --undo-seconds --lease-seconds --map --pointer-bucket --probe --bulk",
        {
            "held": 2,
            "held --sqs-url nonsense": 1,
            "held --sqs-url https://q.example/1 --map token": 2,
            "held --sqs-url https://q.example/1 --map token=a": 1,
            "held --sqs-url https://q.example/1 --timeout-seconds 0": 1,
            "held --sqs-url https://q.example/1 --reject-as never": 2,
            "held --sqs-url https://q.example/1 --role-arn reader": 1,
        },
    ),
    "close_unproved": Command(
        "ids",
        "--queue --reason",
        {
            "": 2,
            "--reason x": 2,
            "nonsense --reason x": 2,
            "01a203be-dfa7-7a98-a842-c430dab4db4e --reason x": 1,
        },
    ),
    "probe": Command("ids", "--queue", {"": 2, "nonsense": 2}),
    "check_queue": Command("slug", "", {"": 2, "nowhere": 1}),
    "grant": Command(
        "email queue role",
        "--create --site",
        {
            "": 2,
            "ada@example.com": 2,
            "ada@example.com held king": 2,
            "ada@example.com held lead": 1,
            "ada@example.com nowhere lead --create": 1,
            "ada@example.com --site king": 2,
            "nonsense --site orders --create": 1,
        },
    ),
    "create_api_token": Command(
        "email", "--name", {"ada@example.com": 2, "ada@example.com --name laptop": 1}
    ),
    "create_webhook_secret": Command("name", "--queue", {"": 2, "shop --queue nowhere": 1}),
    "start_order": Command("file", "", {"": 2, "nowhere.json": 1, "README.md": 1}),
    "start_orders": Command(
        "file",
        "--mode --batch-size --on-bad-row --resume",
        {
            "": 2,
            "orders.json --mode all": 2,
            "orders.json --resume nonsense": 2,
            "nowhere.json": 1,
            "README.md --resume 01a203be-dfa7-7a98-a842-c430dab4db4e": 1,
        },
    ),
    "price_workflow": Command(
        "definition",
        "--per-month --batch --express --memory-mb --duration-ms --json",
        {
            "": 2,
            "x": 2,
            "x --per-month 0": 2,
            f"x --per-month {10**16}": 2,
            "nowhere.json --per-month 9": 1,
            "package.json --per-month 9": 1,
            "x --per-month 9 --reviewed-percent 101": 2,
            "x --per-month 9 --reviewed-percent nan": 2,
            "x --per-month 9 --choose nonsense": 2,
        },
    ),
    "lint_workflow": Command(
        "definition",
        "--retention-seconds --undo-seconds --json",
        {"": 2, "nowhere.json": 1, "README.md": 1, "package.json": 1, "x --undo-seconds soon": 2},
    ),
    "quarantine list": Command("", "--json", {"--bogus": 2}),
    "quarantine show": Command(
        "id", "", {"": 2, "nonsense": 2, "01a203be-dfa7-7a98-a842-c430dab4db4e": 1}
    ),
    "quarantine replay": Command(
        "ids", "--all", {"": 2, "nonsense": 2, "01a203be-dfa7-7a98-a842-c430dab4db4e": 1}
    ),
    "quarantine discard": Command(
        "ids",
        "--reason",
        {
            "": 2,
            "01a203be-dfa7-7a98-a842-c430dab4db4e": 2,
            "01a203be-dfa7-7a98-a842-c430dab4db4e --reason Noise": 1,
        },
    ),
    "verify_audit": Command(
        "",
        "--review --after",
        {"--review 7": 2, "--review 01a203be-dfa7-7a98-a842-c430dab4db4e": 1},
    ),
    "recover": Command(
        "slug",
        "--since --state-machine --before --limit --json",
        {
            "": 2,
            "held": 2,
            "held --since yesterday": 2,
            "held --since 2026-11-25T09:30:00": 2,
            "held --since 2026-11-25T09:30:00Z": 2,
            "held --since 2026-11-25T09:30:00Z --state-machine nonsense": 1,
            "held --since 2026-11-25T09:30:00Z --state-machine arn --limit 0": 2,
            "nowhere --since 2026-11-25T09:30:00Z": 1,
        },
    ),
    "evidence": Command("review_id", "--json", {"": 2}),
    "rotate_token_keys": Command("", "", {"now": 2}),
    "doctor": Command("", "--json", {"--bogus": 2}),
}

EXIT_CODES = {"error": 1, "usage": 2, "finding": 3}

# --- environment: each may be NAME_FILE; boto3 reads its own variables beside these.


class Setting(NamedTuple):
    """A value to set, the expression of `settings`, `gunicorn` or `logging` that shows it, and how."""

    value: str
    seen_in: str
    shows: str


_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
_SECRET = "contract-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ"
_ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:"
_SQS = "https://sqs.eu-west-1.amazonaws.com/123456789012/"
ENVIRONMENT = {
    "SECRET_KEY": Setting(_SECRET, "settings.SECRET_KEY", _SECRET),
    "DEBUG": Setting("1", "settings.DEBUG", "True"),
    "ALLOWED_HOSTS": Setting("a.example,b.example", "settings.ALLOWED_HOSTS[1]", "b.example"),
    "DATABASE_URL": Setting("postgres://me@db/here", "settings.DATABASES['default']['HOST']", "db"),
    "CELERY_BROKER_URL": Setting("redis://broker/1", "settings.CELERY_BROKER_URL", "redis://broker/1"),
    "AWS_REGION": Setting("eu-west-1", "settings.AWS_REGION", "eu-west-1"),
    "AWS_ENDPOINT_URL": Setting("http://127.0.0.1:9", "settings.AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
    "TOKEN_KEYS": Setting(f"new:{_KEY},old:{_KEY}", "','.join(settings.TOKEN_KEYS)", "new,old"),
    "ORDER_FULFILLMENT_STATE_MACHINE_ARN": Setting(
        f"{_ARN}orders", "settings.ORDER_FULFILLMENT_STATE_MACHINE_ARN", f"{_ARN}orders"
    ),
    "DAILY_ORDERS_STATE_MACHINE_ARN": Setting(
        f"{_ARN}daily", "settings.DAILY_ORDERS_STATE_MACHINE_ARN", f"{_ARN}daily"
    ),
    "ORDER_STATUS_TABLE": Setting("order-status", "settings.ORDER_STATUS_TABLE", "order-status"),
    "ORDER_BATCH_STATE_MACHINE_ARN": Setting(
        f"{_ARN}batch", "settings.ORDER_BATCH_STATE_MACHINE_ARN", f"{_ARN}batch"
    ),
    "ORDER_BUCKETS": Setting("daily-orders,more", "settings.ORDER_BUCKETS[1]", "more"),
    "EXECUTION_STARTS_PER_SECOND": Setting("50", "settings.EXECUTION_STARTS_PER_SECOND", "50.0"),
    "STATUS_EVENTS_QUEUE_URL": Setting(f"{_SQS}s", "settings.STATUS_EVENTS_QUEUE_URL", f"{_SQS}s"),
    "CELERY_QUEUE_URL": Setting(f"{_SQS}c", "settings.CELERY_QUEUE_URL", f"{_SQS}c"),
    "LISTEN_DATABASE_URL": Setting("postgres://l/l", "settings.LISTEN_DATABASE_URL", "postgres://l/l"),
    "PUBLIC_URL": Setting("https://desk.example", "settings.PUBLIC_URL", "https://desk.example"),
    "EMAIL_URL": Setting("smtp://mail.example:26", "settings.EMAIL_PORT", "26"),
    "ANCHOR_KEYS": Setting(f"a:{_KEY}", "','.join(settings.ANCHOR_KEYS)", "a"),
    "ANCHOR_SINKS": Setting("file:/anchors", "settings.ANCHOR_SINKS", "file:/anchors"),
    "PROBE_PORT": Setting("8124", "settings.PROBE_PORT", "8124"),
    "PORT": Setting("8123", "gunicorn['bind'].rpartition(':')[2]", "8123"),
    "LOG_LEVEL": Setting("warning", "logging.getLevelName(logging.getLogger().level)", "WARNING"),
}  # fmt: skip

# --- processes, each with an argument by which it says that it would start

PROCESSES = {
    "gunicorn -c config/gunicorn.py": "--check-config",
    "python -m config.web": "--check-config",
    "celery -A config worker": "--help",
}
ADDRESSES = {"/healthz/live": 200, "/healthz/ready": 200, "/metrics": 200}
PAGES = {"/api/schema/": 200, "/api/docs/": 200}

# --- REST, under /api/v1/

ERROR = ["name", "cause"]
DELIVERY = ["state", "detail", "attempts", "delivered_at"]
DECISION = ["id", "outcome", "by", "reason_code", "reason", "edits", "decided_at", "undo_until"]
REVIEW = [
    "id",
    "queue",
    "reference",
    "title",
    "status",
    "outcome",
    "delivery",
    "error",
    "payload",
    "envelopes",
    "execution_arn",
    "state_name",
    "received_at",
    "deadline_at",
    "deadline_source",
    "assignee",
    "lease_expires_at",
    "escalated_to",
    "snoozed_until",
    "version",
    "decision",
    "definition",
    "execution_mismatch",
]
CLAIMED = [*REVIEW, "lease_id"]
VOTED = [*REVIEW, "vote"]
PAGE = ["results", "next", "previous"]
ORDER = ["order_id", "execution_arn", "status"]
BULK = [
    "id",
    "queue",
    "outcome",
    "reason_code",
    "reason",
    "by",
    "status",
    "counts",
    "created_at",
    "ended_at",
    "items",
]


class Route(NamedTuple):
    """One operation: the status of its success, and the keys that its answer has at least.

    `exactly` says that it has no other: a review never grows a key by accident.
    """

    status: int
    keys: list[str]
    body: str = ""
    exactly: bool = False


SETTINGS = ["slug", "version", "message_map", "pointer_buckets"]
ROUTES = {
    "GET queues/": Route(200, PAGE, exactly=True),
    "POST queues/{slug}/next/": Route(200, CLAIMED, exactly=True),
    "GET queues/{slug}/settings/": Route(200, SETTINGS, exactly=True),
    "POST queues/{slug}/settings/": Route(200, SETTINGS, '{"message_map": {}}', exactly=True),
    "GET reviews/": Route(200, PAGE, exactly=True),
    "GET reviews/{id}/": Route(200, REVIEW, exactly=True),
    "POST reviews/{id}/claim/": Route(200, CLAIMED, exactly=True),
    "POST reviews/{id}/renew/": Route(200, CLAIMED, exactly=True),
    "POST reviews/{id}/release/": Route(200, REVIEW, exactly=True),
    "POST reviews/{id}/reassign/": Route(200, REVIEW, '{"to": "bob@example.com"}', exactly=True),
    "POST reviews/{id}/close-unproved/": Route(200, REVIEW, '{"reason": "By hand."}', exactly=True),
    "GET reviews/{id}/comments/": Route(200, PAGE, exactly=True),
    "POST reviews/{id}/comments/": Route(201, ["id", "text"], '{"text": "Called them."}'),
    "POST reviews/{id}/decisions/": Route(201, VOTED, '{"outcome": "approved"}', exactly=True),
    "POST reviews/{id}/skip/": Route(200, REVIEW, exactly=True),
    "POST reviews/{id}/snooze/": Route(200, REVIEW, '{"until": null}', exactly=True),
    "POST reviews/{id}/escalate/": Route(200, REVIEW, '{"reason": "Limit."}', exactly=True),
    "POST votes/{id}/withdraw/": Route(200, REVIEW),
    "GET reviews/{id}/events/": Route(200, PAGE, exactly=True),
    "POST decisions/{id}/undo/": Route(200, REVIEW, exactly=True),
    "POST bulk-decisions/": Route(
        201, BULK, '{"outcome": "approved", "reviews": ["{id}"]}', exactly=True
    ),
    "GET bulk-decisions/{id}/": Route(200, BULK, exactly=True),
    "POST bulk-decisions/{id}/undo/": Route(200, BULK, exactly=True),
    "POST bulk-decisions/{id}/retry/": Route(200, BULK, exactly=True),
    "GET quarantine/": Route(200, PAGE, exactly=True),
    "GET quarantine/{id}/": Route(200, ["id"]),
    "GET quarantine/{id}/body/": Route(200, ["id", "body"], exactly=True),
    "POST quarantine/{id}/replay/": Route(201, ["id"]),
    "POST quarantine/{id}/discard/": Route(200, ["id"], '{"reason": "Noise."}'),
    "POST webhooks/decision/": Route(
        200,
        ["review_id", "outcome", "decision_id", "by", "decided_at"],
        '{"approved": true, "reviewer_email": "alice@example.com"}',
    ),
    "POST orders/": Route(202, ORDER, '{"order_id": "ORD-9"}'),
    "GET orders/": Route(200, PAGE, exactly=True),
    "GET orders/{order_id}/": Route(200, ORDER),
    "POST orders/{order_id}/restart/": Route(200, ORDER),
    "POST orders/{order_id}/stop/": Route(200, ORDER, '{"reason": "The customer has cancelled."}'),
    "POST order-batches/": Route(202, ["id"], '{"orders": [{"order_id": "ORD-10"}]}'),
    "GET order-batches/{id}/": Route(200, ["id"]),
}
LIST_OF_REVIEWS_TAKES = [
    "queue",
    "status",
    "assignee",
    "reference",
    "q",
    "escalated_to",
    "ordering",
    "cursor",
    "page_size",
]

ERRORS = {
    "not_allowed": 403,
    "step_up_required": 403,
    "not_found": 404,
    "already_decided": 409,
    "already_settled": 409,
    "claimed_by_another": 409,
    "deadline_passed": 409,
    "undo_closed": 409,
    "order_conflict": 409,
    "receipt_conflict": 409,
    "stale_version": 412,
    "invalid": 422,
    "idempotency_mismatch": 422,
    "throttled": 429,
    "unavailable": 503,
}
PROBLEM = ["type", "title", "status", "detail", "code"]

# --- files

DEMO_FILE = [
    "url",
    "api_token",
    "users",
    "aws_endpoint",
    "region",
    "queue",
    "queue_url",
    "state_machine_arn",
    "webhook_secret",
]
DEMO_USER = ["email", "password", "role"]

# --- what is promised and not built yet

NOT_YET_DUE = {
    "command evidence": "comes with the evidence",
    "command rotate_token_keys": "comes with the rotation of keys",
    "command doctor": "comes with the doctor",
    "environment ANCHOR_KEYS": "comes with the anchors",
    "environment ANCHOR_SINKS": "comes with the anchors",
    "route POST votes/{id}/withdraw/": "comes with several votes",
    "error step_up_required": "comes with second factors",
}


def due(kind: str, names: Iterable[str]) -> list[str]:
    """Those of `names` that must exist already."""
    return [name for name in names if f"{kind} {name}" not in NOT_YET_DUE]


def not_yet(kind: str) -> list[str]:
    """Those of a kind that must not exist yet."""
    return [key.partition(" ")[2] for key in NOT_YET_DUE if key.partition(" ")[0] == kind]
