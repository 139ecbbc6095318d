"""Settings of Celery that are the same everywhere, and the options of its transport."""

from __future__ import annotations

from typing import Any

CELERY_TASK_DEFAULT_QUEUE = "countersign"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_PUBLISH_RETRY = False  # a wake-up gets one attempt; the sweeper finds what it was about
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_POOL_LIMIT = (
    64  # the threads of a web process: none waits for another one's connection
)
# Threads, which mostly wait for AWS, and wake-ups at a time. Two of them took 18 wake-ups a second from SQS.
CELERY_WORKER_CONCURRENCY = 8
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # SQS has no fanout: no gossip, no events, no inspect
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True


def transport_options(
    broker_url: str, queue_url: str, *, region: str, endpoint_url: str | None
) -> dict[str, Any]:
    """The options of kombu's transport: those of SQS with the URL of its one queue, or of another broker."""
    if not broker_url.startswith("sqs:"):
        return {"socket_timeout": 1, "socket_connect_timeout": 1}
    return {
        "region": region,
        "is_secure": endpoint_url is None or endpoint_url.startswith("https"),
        "predefined_queues": {CELERY_TASK_DEFAULT_QUEUE: {"url": queue_url}},
        "visibility_timeout": 120,
        "wait_time_seconds": 10,
        "polling_interval": 0.02,  # seconds to the next request, after one without a message or a free thread
        # A broker that does not answer held a request for over 75 s: one attempt, of a second each.
        "client-config": {
            "connect_timeout": 1,
            "read_timeout": 1,
            "retries": {"total_max_attempts": 1},
        },
    }
