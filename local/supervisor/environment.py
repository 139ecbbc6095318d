"""The environment variables of the demo's processes."""

from __future__ import annotations

from collections.abc import Mapping

from local.aws import Account
from local.processes import LocalError

# The demo sets these itself. What the shell has in NAME or NAME_FILE for another installation must
# not get in, least of all an address or a credential of a real AWS account.
_SET_HERE = {
    "ALLOWED_HOSTS",
    "CELERY_BROKER_URL",
    "CELERY_QUEUE_URL",
    "DAILY_ORDERS_STATE_MACHINE_ARN",
    "DATABASE_URL",
    "DEBUG",
    "DJANGO_SETTINGS_MODULE",
    "HOST",
    "LISTEN_DATABASE_URL",
    "ORDER_BATCH_STATE_MACHINE_ARN",
    "ORDER_BUCKETS",
    "ORDER_FULFILLMENT_STATE_MACHINE_ARN",
    "ORDER_STATUS_TABLE",
    "PUBLIC_URL",
    "SECRET_KEY",
    "STATUS_EVENTS_QUEUE_URL",
    "TOKEN_KEYS",
}


def web_port(environ: Mapping[str, str]) -> int:
    """Return the port in PORT, 8000 without it. Raises `LocalError` if it is not a port."""
    text = environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise LocalError(f"PORT={text} is not a port: use a number from 1 to 65535")
    return int(text)


def process_environment(
    environ: Mapping[str, str],
    secrets: Mapping[str, str],
    port: int,
    database: str,
    account: Account,
    outputs: Mapping[str, str],
) -> dict[str, str]:
    """Return the environment of the demo's processes: the shell's, with what the demo sets.

    `secrets` are those of `demo_secrets`, `database` is a URL, `outputs` are the deployed stack's.
    """
    kept = {name: value for name, value in environ.items() if not _is_set_here(name)}
    optional = {
        "ORDER_STATUS_TABLE": outputs.get("OrderStatusTable"),
        "DAILY_ORDERS_STATE_MACHINE_ARN": outputs.get("DailyOrdersStateMachineArn"),
        "ORDER_BATCH_STATE_MACHINE_ARN": outputs.get("OrderBatchStateMachineArn"),
        "ORDER_BUCKETS": outputs.get("OrdersBucketName"),
        "STATUS_EVENTS_QUEUE_URL": outputs.get("StatusEventsQueueUrl"),
    }
    return {
        **kept,
        **account.environment(),
        **{name: value for name, value in optional.items() if value is not None},
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "CELERY_QUEUE_URL": outputs["CeleryQueueUrl"],
        "DATABASE_URL": database,
        "HOST": "127.0.0.1",
        "LOG_LEVEL": environ.get("LOG_LEVEL", "INFO"),
        "NO_PROXY": "127.0.0.1,localhost",
        "ORDER_FULFILLMENT_STATE_MACHINE_ARN": outputs["StateMachineAliasArn"],
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PYTHONUNBUFFERED": "1",
        "REVIEW_QUEUE_URL": outputs["ReviewQueueUrl"],
        "SECRET_KEY": secrets["secret_key"],
        "TOKEN_KEYS": secrets["token_keys"],
    }


def _is_set_here(name: str) -> bool:
    return name.startswith("AWS_") or name.removesuffix("_FILE") in _SET_HERE
