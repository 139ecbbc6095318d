"""The processes of the service and the actions that their wake-ups need."""

from __future__ import annotations

from tests.deploy.reach import Place

# Where each process starts. `celery -A config worker` runs the tasks; the web process has 3 URLconfs.
PROCESSES: dict[str, list[Place]] = {
    "WebRole": [
        ("approvals.web.urls", ""),
        ("approvals.api.urls", ""),
        ("approvals.admin.urls", ""),
    ],
    "PollerRole": [("approvals.management.commands.poll_queue", "")],
    "WorkerRole": [("approvals.tasks", "")],
    "SweeperRole": [("approvals.management.commands.sweep", "")],
}
# What Celery calls, as test_template_celery_queue.py observes; the code shows only that it uses wake-ups.
SENDS_WAKE_UPS = {"sqs:GetQueueAttributes", "sqs:SendMessage"}
TAKES_WAKE_UPS = {
    "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
}  # fmt: skip
