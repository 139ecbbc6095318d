"""What is too long for a page, as a file: the payload of a review, whose token was taken out at intake."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse

from approvals.untrusted import json_text
from approvals.web import reviews
from approvals.web.decorators import DeskRequest, desk


@desk("GET")
def payload(request: DeskRequest, review_id: UUID) -> HttpResponse:
    """The whole payload of a review as a JSON file; a browser never shows it as a page."""
    review = reviews.find(request.access, review_id)
    name = f'attachment; filename="review-{review.pk}.json"'
    headers = {"Content-Disposition": name, "X-Content-Type-Options": "nosniff"}
    return HttpResponse(
        json_text.on_one_line(review.payload), content_type="application/json", headers=headers
    )
