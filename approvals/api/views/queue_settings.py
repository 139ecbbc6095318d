"""Settings of a queue over the API, for its leads and for operators: what its messages look like."""

from __future__ import annotations

from functools import partial

from rest_framework.request import Request
from rest_framework.response import Response

from approvals import policy
from approvals.actions import queues
from approvals.api import presentation, queries, request_headers, schema
from approvals.api.authentication import NO_SCOPE
from approvals.api.endpoint import Endpoint
from approvals.api.serializers.queue_settings import QueueSettingsAnswer, QueueSettingsBody
from approvals.models import ReviewQueue
from approvals.records import review_queues


class QueueSettings(Endpoint):
    """Where the messages of one queue hold their fields, and which buckets they may point to."""

    write_scope = NO_SCOPE

    @schema.operation("queues_settings", QueueSettingsAnswer, refused=[404])
    def get(self, request: Request, slug: str) -> Response:
        """Read where the messages of a queue hold their fields. For its leads and for operators."""
        return _settings_response(self._queue(slug))

    @schema.operation(
        "queues_set",
        QueueSettingsAnswer,
        body=QueueSettingsBody,
        refused=[404, 412],
        parameters=[schema.IF_MATCH],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Change the settings that the body names. For the queue's leads and for operators; audited."""
        changes = self.body(QueueSettingsBody)
        self._queue(slug)  # whoever may not see it is told that there is none
        version = request_headers.version(request)
        verb = partial(queues.set_messages, slug, changes, version=version)
        return _settings_response(self.run_once(verb, lambda _: self._queue(slug)))

    def _queue(self, slug: str) -> ReviewQueue:
        """The queue. Raises NotFound or NotAllowed."""
        queue = queries.any_queue(slug)
        policy.may_set_messages(queue, by=self.actor).or_raise()
        return queue


def _settings_response(queue: ReviewQueue) -> Response:
    version = review_queues.settings_version(queue.pk)
    body = presentation.queue_settings(queue, version)
    return Response(body, headers={"ETag": f'"{version}"'})
