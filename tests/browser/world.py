"""A desk in the middle of a working day: queues, people, and orders that look like orders."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from approvals.actions import assignment, decisions, discussion, people
from approvals.actors import COMMAND_LINE
from approvals.gateways.errors import Answer, Proof
from approvals.models import Decision, OutboxEntry, ReviewQueue, ReviewTask, User
from approvals.models.choices import Outcome
from approvals.records import outbox
from tests import factories
from tests.factories import actor

FIELDS = [
    {"path": "input.total", "label": "Total", "kind": "money", "role": "amount"},
    {"path": "input.customer.name", "label": "Customer", "kind": "text", "role": "customer"},
]
HELD = {
    "FraudSuspected": "The card was first seen today; the order is 9 times this customer's usual.",
    "PaymentGatewayUnreachable": "The payment gateway did not answer within 20 s."
    " The card may or may not be charged.",
    "PriceMismatch": "The lines add up to 1,298.90, the order says 1,169.01. A voucher is noted.",
    "OutOfStock": "0 left in Rotterdam; the next delivery is due in 9 days.",
}
GOODS = {
    "CAM-X-45": ("Mirrorless camera body", 1899.0),
    "LNS-35-18": ("35 mm f/1.8 lens", 549.0),
    "ESP-DUO-2": ("Espresso machine, dual boiler", 1149.0),
    "HP-ANC-700": ("Noise-cancelling headphones", 279.0),
    "CHR-ERGO": ("Ergonomic desk chair", 618.0),
    "KB-TKL-87": ("Mechanical keyboard, tenkeyless", 134.5),
    "MON-27-4K": ("27-inch 4K monitor", 429.9),
    "LAMP-ARC": ("Reading lamp", 74.95),
    "COF-ETH-1K": ("Ethiopian coffee beans, 1 kg", 31.4),
}


@dataclass(frozen=True)
class Placed:
    """An order as the day has it: who ordered what, why it is held, and its minutes."""

    reference: str
    name: str
    town: str
    currency: str
    goods: dict[str, int]
    error: str
    left: int
    waited: int
    priority: int = 0


OPEN = [
    Placed(
        "ORD-0048213", "Amara Okafor", "Berlin", "EUR", {"CAM-X-45": 1, "LNS-35-18": 1},
        "FraudSuspected", 4, 236, 8,
    ),
    Placed(
        "ORD-0048219", "Lukas Brandt", "Hamburg", "EUR", {"ESP-DUO-2": 1, "COF-ETH-1K": 4},
        "PaymentGatewayUnreachable", 11, 49,
    ),
    Placed("ORD-0048224", "Priya Raman", "London", "GBP", {"HP-ANC-700": 2}, "PriceMismatch", 34, 146),
    Placed("ORD-0048230", "Grace O'Neill", "Chicago", "USD", {"CHR-ERGO": 4}, "FraudSuspected", 52, 31),
    Placed("ORD-0048231", "Zoë Vermeulen", "Utrecht", "EUR", {"KB-TKL-87": 1}, "OutOfStock", 96, 24),
    Placed("ORD-0048236", "Tomás Herrera", "Madrid", "EUR", {"MON-27-4K": 2}, "FraudSuspected", 128, 22),
    Placed(
        "ORD-0048240", "Yuki Tanaka", "San Francisco", "USD", {"LAMP-ARC": 3},
        "PaymentGatewayUnreachable", 171, 19,
    ),
    Placed("ORD-0048243", "Hassan Al-Amin", "Paris", "EUR", {"COF-ETH-1K": 12}, "PriceMismatch", 190, 14),
    Placed("ORD-0048247", "Ingrid Solberg", "Oslo", "NOK", {"CHR-ERGO": 1}, "FraudSuspected", 205, 9),
    Placed(
        "ORD-0048251", "Noah Lindqvist", "Malmö", "SEK", {"MON-27-4K": 1},
        "PaymentGatewayUnreachable", 222, 6,
    ),
    Placed("ORD-0048252", "Sofia Rossi", "Milano", "EUR", {"ESP-DUO-2": 1}, "OutOfStock", 231, 3),
]  # fmt: skip
ACCEPTED, CLOSED = Answer(Proof.ACCEPTED), Answer(Proof.CLOSED, "TaskTimedOut")
ANSWERED: list[tuple[str, str, str, str, str, Answer | None]] = [
    (
        "ORD-0048188",
        "Mei-Ling Chen",
        "FraudSuspected",
        "rejected",
        "Nobody answers the phone.",
        ACCEPTED,
    ),
    (
        "ORD-0048195",
        "Daniel Kowalski",
        "PriceMismatch",
        "approved",
        "The voucher is genuine.",
        ACCEPTED,
    ),
    ("ORD-0048201", "Camille Dubois", "PaymentGatewayUnreachable", "approved", "", CLOSED),
    ("ORD-0048207", "Mateus Carvalho", "FraudSuspected", "rejected", "", None),
]


TALK = [
    ("grace", "The gateway's dashboard shows one authorisation at 09:14 and no capture."),
    ("lead", "Then it is safe to approve: the charge is repeated under the same key."),
]


@dataclass
class World:
    """What the pages of this day are about."""

    queue: ReviewQueue
    ada: User
    lead: User
    reviews: dict[str, ReviewTask]


def build() -> World:
    """Make the day: eleven open reviews, one of them mine, one a colleague's; four decisions."""
    queue = factories.queue("manual-review", name="Manual review", fields=FIELDS, undo_seconds=30)
    refunds = factories.queue("refund-exceptions", name="Refund exceptions")
    ada = person("ada@example.com", "Ada Lovelace", "reviewer", queue, refunds)
    grace = person("grace@example.com", "Grace Hopper", "reviewer", queue)
    lead = person("lead@example.com", "Lena Marsh", "lead", queue, refunds)
    reviews = {placed.reference: order(queue, placed) for placed in OPEN}
    assignment.claim(reviews["ORD-0048219"].pk, by=actor(ada))
    assignment.claim(reviews["ORD-0048224"].pk, by=actor(grace))
    for who, text in TALK:
        by = {"grace": grace, "lead": lead}[who]
        discussion.comment(reviews["ORD-0048219"].pk, text, by=actor(by))
    for reference, name, error, outcome, reason, answer in ANSWERED:
        placed = Placed(reference, name, "Lisboa", "EUR", {"CAM-X-45": 1}, error, 90, 60)
        reviews[reference] = decide(order(queue, placed), outcome, ada, reason, answer)
    return World(queue, ada, lead, reviews)


def person(email: str, name: str, role: str, *queues: ReviewQueue) -> User:
    """Somebody with a name and a role in these queues."""
    user = factories.user(email)
    user.name = name
    user.save(update_fields=["name"])
    for queue in queues:
        people.grant(user, queue.slug, role, by=COMMAND_LINE)
    return user


def order(queue: ReviewQueue, placed: Placed) -> ReviewTask:
    """A review that came in `waited` minutes ago and times out `left` minutes from now."""
    mailbox = placed.name.lower().replace(" ", ".").replace("'", "")
    lines = [
        {"sku": sku, "name": GOODS[sku][0], "quantity": many, "unit_price": GOODS[sku][1]}
        for sku, many in placed.goods.items()
    ]
    review = factories.review(
        queue,
        orderId=placed.reference,
        title=f"Order {placed.reference}: {placed.error}",
        priority=placed.priority,
        error={"Error": placed.error, "Cause": HELD[placed.error]},
        input={
            "order_id": placed.reference,
            "channel": "web",
            "customer": {
                "name": placed.name,
                "email": f"{mailbox}@example.com",
                "since": "2019",
                "previous_orders": 12,
            },
            "items": lines,
            "total": sum(many * GOODS[sku][1] for sku, many in placed.goods.items()),
            "currency": placed.currency,
            "shipping_address": {
                "name": placed.name,
                "street": "Rosenthaler Straße 40",
                "postcode": "10178",
                "city": placed.town,
            },
            "payment": {"method": "card", "brand": "Visa", "last4": "4417", "first_seen": "today"},
        },
    )
    move(review, left=placed.left, waited=placed.waited)
    return review


def move(review: ReviewTask, *, left: float, waited: float = 0) -> None:
    """Put a review's arrival and deadline where the scenario needs them, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_reviewtask SET sent_at = now() - make_interval(secs => %(waited)s),"
            " received_at = now() - make_interval(secs => %(waited)s),"
            " deadline_at = now() + make_interval(secs => %(left)s) WHERE id = %(id)s",
            {"waited": waited * 60, "left": left * 60 + 20, "id": review.pk},
        )
    review.refresh_from_db()


def decide(
    review: ReviewTask, outcome: str, by: User, reason: str, answer: Answer | None
) -> ReviewTask:
    """Decide a review; with an `answer`, Step Functions has given it."""
    wanted = decisions.DecisionRequest(reason=reason, undo_seconds=None if answer is None else 0)
    review = decisions.decide(review.pk, Outcome(outcome), by=actor(by), request=wanted)
    if answer is not None:
        settle(review, answer)
    return review


def settle(review: ReviewTask, answer: Answer) -> None:
    """Let Step Functions answer the review's decision, its undo window over."""
    decision = Decision.objects.get(review=review, undone_at=None)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_outboxentry SET not_before = now() WHERE subject = %s", [decision.pk]
        )
    entry = OutboxEntry.objects.get(kind=OutboxEntry.Kind.CALLBACK, subject=decision.pk)
    lease = outbox.lease(entry.pk)
    assert lease is not None
    factories.conclude(lease, answer)
