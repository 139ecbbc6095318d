"""Rows of the table: queues, people, rights and tokens. One change, one event, whenever it was cut off."""

from __future__ import annotations

from collections.abc import Callable

from approvals.actions import credentials, exports, people, queues, saved_views
from approvals.actors import COMMAND_LINE
from approvals.models import ApiToken, AuditEvent, QueueMembership, ReviewQueue, SavedView, User
from tests import factories
from tests.factories import actor
from tests.faults.row import Case, Row, recorded_once
from tests.faults.stage import Stage


def _ready_queue(stage: Stage) -> Case:
    return Case(slug=f"q{stage.number()}")


def _save_queue(_stage: Stage, case: Case) -> None:
    url = f"https://sqs.eu-west-1.amazonaws.com/123456789012/{case.slug}"
    queues.save(case.slug, {"sqs_url": url, "region": "eu-west-1"}, by=COMMAND_LINE)


def _queue_saved(_stage: Stage, case: Case) -> str:
    queue = ReviewQueue.objects.get(slug=case.slug)
    return recorded_once(f"queue:{queue.pk}", "queue.created")


def _ready_email(stage: Stage) -> Case:
    return Case(email=f"p{stage.number()}@example.com")


def _create_user(_stage: Stage, case: Case) -> None:
    people.create(case.email, by=COMMAND_LINE, password="correct horse battery")


def _user_made(_stage: Stage, case: Case) -> str:
    return recorded_once(f"user:{User.objects.get(email=case.email).pk}", "user.created")


def _ready_person(
    *, site: str = "", role: str = "", token: bool = False
) -> Callable[[Stage], Case]:
    def ready(stage: Stage) -> Case:
        email = f"p{stage.number()}@example.com"
        user = factories.user(email, role or None, stage.queue)
        if site:
            people.grant_site(user, site, by=COMMAND_LINE)
        if token:
            credentials.issue_token(user, "given", by=COMMAND_LINE)
        return Case(user=user)

    return ready


def _grant(_stage: Stage, case: Case) -> None:
    people.grant(case.user, "held", "viewer", by=COMMAND_LINE)


def _granted(_stage: Stage, case: Case) -> str:
    roles = QueueMembership.objects.filter(user=case.user).count()
    return "" if roles == 1 else f"I-16 {roles} roles"


def _grant_site(_stage: Stage, case: Case) -> None:
    people.grant_site(case.user, "auditor", by=COMMAND_LINE)


def _issue_token(_stage: Stage, case: Case) -> None:
    credentials.issue_token(case.user, "ci", by=COMMAND_LINE)


def _token_issued(_stage: Stage, case: Case) -> str:
    made = ApiToken.objects.filter(user=case.user).count()
    return recorded_once(f"user:{case.user.pk}", "token.issued") or (
        "" if made == 1 else f"I-16 {made} tokens"
    )


def _export_reviews(stage: Stage, case: Case) -> None:
    exports.record_review_export(stage.queue, {"q": "fraud"}, by=actor(case.user))


def _export_orders(_stage: Stage, case: Case) -> None:
    exports.record_order_export("orders", {"q": "A"}, by=actor(case.user))


def _export_trail(_stage: Stage, case: Case) -> None:
    exports.record_trail_export("csv", {}, by=actor(case.user))


def _recorded(kind: str) -> Callable[[Stage, Case], str]:
    def holds(_stage: Stage, case: Case) -> str:
        events = AuditEvent.objects.filter(chain=f"user:{case.user.pk}", kind=kind)
        return "" if events.exists() else f"I-16 {kind} was not recorded"

    return holds


def _ready_view(*, shared: bool) -> Callable[[Stage], Case]:
    """The name of a view, and one that is there."""

    def ready(stage: Stage) -> Case:
        number = stage.number()
        save = saved_views.share if shared else saved_views.keep
        # The kills of one row are many more than a queue or a person has views.
        SavedView.objects.all().delete()
        there = save("held", f"There {number}", "q=x", by=actor(stage.lena))
        return Case(name=f"New {number}", there=there)

    return ready


def _keep_view(stage: Stage, case: Case) -> None:
    saved_views.keep("held", case.name, "q=x", by=actor(stage.lena))


def _share_view(stage: Stage, case: Case) -> None:
    saved_views.share("held", case.name, "q=x", by=actor(stage.lena))


def _share_view_of_orders(_stage: Stage, case: Case) -> None:
    listing = SavedView.Listing.ORDERS
    saved_views.share(None, case.user.email, "q=x", by=actor(case.user), listing=listing)


def _view_of_orders_shared(_stage: Stage, case: Case) -> str:
    SavedView.objects.get(name=case.user.email).delete()  # the list has room for the next kill
    return recorded_once(f"user:{case.user.pk}", "orders.view_shared")


def _delete_view(stage: Stage, case: Case) -> None:
    saved_views.delete(case.there.pk, by=actor(stage.lena))


def _revoke_view(stage: Stage, case: Case) -> None:
    saved_views.revoke(case.there.pk, by=actor(stage.lena))


def _view_kept(_stage: Stage, case: Case) -> str:
    count = SavedView.objects.filter(name=case.name).count()
    return "" if count == 1 else f"I-16 {count} views"


def _view_shared(_stage: Stage, case: Case) -> str:
    view = SavedView.objects.get(name=case.name)
    return _of_view(view, "queue.view_shared")


def _view_revoked(_stage: Stage, case: Case) -> str:
    view = SavedView.objects.get(pk=case.there.pk)
    return _of_view(view, "queue.view_revoked") if view.revoked_at else "I-16 it is not revoked"


def _of_view(view: SavedView, kind: str) -> str:
    events = AuditEvent.objects.filter(kind=kind, data__view=str(view.pk))
    return "" if events.count() == 1 else f"I-16 {kind} was recorded {events.count()} times"


def _view_deleted(_stage: Stage, case: Case) -> str:
    return "I-16 it is there" if SavedView.objects.filter(pk=case.there.pk).exists() else ""


ROWS: list[Row] = [
    Row(
        "save queue", ("queues.save",), _ready_queue, _save_queue, holds=_queue_saved
    ),
    Row(
        "create user", ("people.create",), _ready_email, _create_user, holds=_user_made
    ),
    Row("grant", ("people.grant",), _ready_person(), _grant, holds=_granted),
    Row("grant site", ("people.grant_site",), _ready_person(), _grant_site),
    Row(
        "export audit trail", ("exports.record_trail_export",), _ready_person(site="auditor"),
        _export_trail, holds=_recorded("trail.exported"),
    ),
    Row(
        "export reviews", ("exports.record_review_export",), _ready_person(role="viewer"),
        _export_reviews, holds=_recorded("reviews.exported"),
    ),
    Row(
        "export orders", ("exports.record_order_export",), _ready_person(site="orders"),
        _export_orders, holds=_recorded("orders.exported"),
    ),
    Row(
        "issue token", ("credentials.issue_token",), _ready_person(), _issue_token,
        holds=_token_issued,
    ),
    Row("keep view", ("saved_views.keep",), _ready_view(shared=False), _keep_view, holds=_view_kept),
    Row(
        "share view", ("saved_views.share",), _ready_view(shared=True), _share_view,
        holds=_view_shared,
    ),
    Row(
        "share view of orders", ("saved_views.share",), _ready_person(site="orders"),
        _share_view_of_orders, holds=_view_of_orders_shared,
    ),
    Row(
        "delete view", ("saved_views.delete",), _ready_view(shared=False), _delete_view,
        holds=_view_deleted,
    ),
    Row(
        "revoke view", ("saved_views.revoke",), _ready_view(shared=True), _revoke_view,
        holds=_view_revoked,
    ),
]  # fmt: skip
