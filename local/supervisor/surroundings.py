"""What the demo's processes live in: the one lock, the port, the secrets, their environment."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets as random
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.aws import Account
from local.processes import LocalError

# The demo answers for these itself: a value, or a file, that the shell has for another
# installation must not leak in, least of all an address or a credential of a real AWS account.
_OURS = {
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
    """Return the port that PORT asks for, 8000 without it."""
    wanted = environ.get("PORT") or "8000"
    if not wanted.isdecimal() or not 0 < int(wanted) < 65_536:
        raise LocalError(f"PORT={wanted} is not a port: use a number from 1 to 65535")
    return int(wanted)


def check_port(port: int, *, patience: float = 0.0) -> None:
    """Raise `LocalError` if somebody still listens on `port` after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except PermissionError as refused:
                raise LocalError(f"port {port} needs root: choose another, PORT=8000") from refused
            except OSError as refused:
                if time.monotonic() >= deadline:
                    other = port + 1 if port < 65_535 else 8000
                    raise LocalError(
                        f"port {port} is in use: choose another, such as `make demo PORT={other}`"
                    ) from refused
            else:
                return
        time.sleep(0.1)


@contextmanager
def only_demo(lock: Path) -> Iterator[None]:
    """Hold the lock of this clone's one demo; the kernel lets go of it when we die."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as refused:
            held.seek(0)
            holder = held.read().strip() or "unknown"
            raise LocalError(
                f"a demo is already running in this clone (process {holder}): stop it first"
            ) from refused
        held.truncate(0)
        held.write(f"{os.getpid()}\n")
        held.flush()
        yield


def secrets(path: Path) -> dict[str, str]:
    """Return this clone's demo secrets, made once: an old database is unreadable without them."""
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        kept = {
            "secret_key": random.token_urlsafe(50),
            "token_keys": f"demo:{base64.b64encode(random.token_bytes(32)).decode()}",
            "password": f"demo-{random.token_urlsafe(9)}",
        }
        write_private(path, json.dumps(kept, indent=2))
    except ValueError as broken:
        raise LocalError(f"{path} is not readable: remove it") from broken
    return {str(name): str(value) for name, value in kept.items()}


def write_private(path: Path, text: str) -> None:
    """Write `path` at once and for its owner only: nobody sees it half, or before its mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode from the start
        file.write(f"{text}\n")
    fresh.replace(path)


def environment(
    environ: Mapping[str, str],
    secrets: Mapping[str, str],
    port: int,
    database: str,
    account: Account,
    outputs: Mapping[str, str],
) -> dict[str, str]:
    """Return the environment of the demo's processes, every name as the contract has it."""
    kept = {name: value for name, value in environ.items() if not _is_ours(name)}
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


def _is_ours(name: str) -> bool:
    return name.startswith("AWS_") or name.removesuffix("_FILE") in _OURS
