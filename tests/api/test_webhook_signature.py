"""Whose signature counts: the standard's own vectors, every bit flipped, clocks, spellings and lists."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from standardwebhooks import Webhook

from approvals.actions import credentials
from approvals.actors import COMMAND_LINE
from approvals.api import webhook_signature
from approvals.models import ReviewTask, User, WebhookSecret
from approvals.records import database_time, tokens
from tests.api.signing import Sender, about, issue
from tests.callers import refused

pytestmark = pytest.mark.django_db

# The vector of every library of the standard: libraries/python/tests/test_webhooks.py,
# test_sign_function, and the list of signatures of test_multi_sig_payload_is_valid.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
FOREIGN = "Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
VECTOR = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}


@pytest.fixture
def vector(monkeypatch: pytest.MonkeyPatch) -> WebhookSecret:
    """The vector's secret among others, at the vector's time."""
    issue("another")
    row = WebhookSecret(name="vector")
    row.sealed_secret = tokens.seal(SECRET.encode(), row=row.pk, column="sealed_secret")
    row.save()
    at(monkeypatch, AT)
    return row


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the database's clock say this."""
    monkeypatch.setattr(database_time, "now", lambda: datetime.fromtimestamp(seconds, UTC))


def unsigned(body: bytes = BODY, /, **changed: str | None) -> None:
    """Fails where this is taken for signed; names are those of headers without `webhook-`."""
    headers = VECTOR | {f"webhook-{name}": value for name, value in changed.items()}
    with pytest.raises(webhook_signature.NotSigned):
        webhook_signature.verified({k: v for k, v in headers.items() if v is not None}, body)


def test_the_vector_of_the_standard_is_signed(vector: WebhookSecret) -> None:
    signed = webhook_signature.verified(VECTOR, BODY)

    assert (signed.id, signed.secret, signed.signer) == (ID, vector, "webhook:vector")
    Webhook(SECRET).sign(ID, datetime.fromtimestamp(AT, UTC), BODY.decode())


@pytest.mark.parametrize(
    "signatures",
    [
        f"v1,{FOREIGN} v2,{FOREIGN} {SIGNATURE} v1,{FOREIGN}",
        f"{SIGNATURE} v1a,{'A' * 86}==",
        " ".join([f"v1,{FOREIGN}"] * 9 + [SIGNATURE]),
        f"v1,dawfeoifkpqwoekfpqoekf {SIGNATURE}",
    ],
)
def test_one_good_signature_among_others_is_enough(vector: WebhookSecret, signatures: str) -> None:
    assert webhook_signature.verified(VECTOR | {"webhook-signature": signatures}, BODY)


@pytest.mark.parametrize("name", ["id", "timestamp", "signature"])
@pytest.mark.parametrize("value", [None, "", " "])
def test_a_header_that_is_missing_or_empty_leaves_it_unsigned(
    vector: WebhookSecret, name: str, value: str | None
) -> None:
    unsigned(**{name: value})


@pytest.mark.parametrize(
    "text",
    [
        "v1,dawfeoifkpqwoekfpqoekf",
        *(SIGNATURE[:length] for length in range(1, len(SIGNATURE))),
        *("v1", "v1,", ",", SIGNATURE[3:], f"v0,{SIGNATURE[3:]}", f"v2,{SIGNATURE[3:]}"),
        *(SIGNATURE.upper(), SIGNATURE.lower(), f"V1{SIGNATURE[2:]}", f"v1a,{SIGNATURE[3:]}"),
        *(
            f"{SIGNATURE}=",
            f"{SIGNATURE}==",
            SIGNATURE.rstrip("="),
            f"{SIGNATURE} ",
            f" {SIGNATURE}",
        ),
        *(f"{SIGNATURE},{SIGNATURE}", f"{SIGNATURE}, {SIGNATURE}", f"{SIGNATURE}  v1,{FOREIGN}"),
        *(
            f"{SIGNATURE} v1,",
            f"v1, {SIGNATURE}",
            f"{SIGNATURE} v1",
            f"{SIGNATURE} x",
            f"{SIGNATURE}\t",
        ),
        *(f"{SIGNATURE}\n", f"v1;{SIGNATURE[3:]}", f"v1={SIGNATURE[3:]}", f"v1,{SIGNATURE}"),
        "v1," + base64.b64decode(SIGNATURE[3:]).hex(),
        "v1," + SIGNATURE[3:].replace("+", "-").replace("/", "_"),
        "v1," + SIGNATURE[3:-2] + chr(ord(SIGNATURE[-2]) + 1) + "=",  # decodes to the same bytes
        " ".join([f"v1,{FOREIGN}"] * 10 + [SIGNATURE]),
        " ".join([SIGNATURE] * 11),
        "v1,\u00e9",
        "v1,\u0661",
        "v1," + "A" * 100_000,
    ],
)
def test_a_signature_that_is_not_this_one_letter_by_letter_is_none(
    vector: WebhookSecret, text: str
) -> None:
    unsigned(signature=text)


@pytest.mark.parametrize(
    "text",
    [
        *(f"{AT}.0", f"+{AT}", f"-{AT}", f"0{AT}", f" {AT}", f"{AT} ", f"{AT}\n", "1.614265330e9"),
        *("hello", "nan", "inf", "-inf", "1e400", "0", "9" * 400, "1_614_265_330", hex(AT)),
        *(f"{AT},{AT}", f"{AT}, {AT}", f"{AT * 1000}", "\u0661\u0666\u0661\u0664", "\u00b9\u00b2"),
        "2021-02-25T15:02:10Z",
    ],
)
def test_a_timestamp_is_digits_and_nothing_else(vector: WebhookSecret, text: str) -> None:
    unsigned(timestamp=text)
    sender = Sender(SECRET)
    unsigned(timestamp=text, signature=sender.signature(ID, text, BODY))


@pytest.mark.parametrize("text", ["a.b", "a b", "a\tb", "a,a", "\u00e9", "a\x7f", "a\n", "x" * 256])
def test_an_id_is_printable_and_has_no_dot(vector: WebhookSecret, text: str) -> None:
    unsigned(id=text, signature=Sender(SECRET).signature(text, AT, BODY))


@pytest.mark.parametrize("text", ["a", "x" * 255, "!#$%&'()*+-/:;<=>?@[]^_`{|}~\\\"", "0"])
def test_an_id_may_be_anything_else(vector: WebhookSecret, text: str) -> None:
    headers = Sender(SECRET).headers(BODY, text, AT)

    assert webhook_signature.verified(headers, BODY).id == text


@pytest.mark.parametrize("off", [-300, -299, -1, 0, 1, 299, 300])
def test_five_minutes_either_way_are_near_enough(
    vector: WebhookSecret, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    at(monkeypatch, AT + off)

    assert webhook_signature.verified(VECTOR, BODY)


@pytest.mark.parametrize("off", [-86_400, -301, -300.001, 300.001, 301, 86_400, 10**9])
def test_more_than_five_minutes_are_not(
    vector: WebhookSecret, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    at(monkeypatch, AT + off)

    unsigned()


def flips(raw: bytes) -> Iterator[bytes]:
    """`raw` with each of its bits flipped, one at a time."""
    for place in range(len(raw)):
        for bit in range(8):
            yield raw[:place] + bytes([raw[place] ^ (1 << bit)]) + raw[place + 1 :]


@pytest.mark.parametrize("name", ["id", "timestamp", "signature"])
def test_no_bit_of_a_header_may_be_another(vector: WebhookSecret, name: str) -> None:
    for flipped in flips(VECTOR[f"webhook-{name}"].encode()):
        unsigned(**{name: flipped.decode("latin-1")})


@pytest.mark.parametrize("body", [BODY, '{"reason": "na\u00efve \ufffd \U0001f600"}'.encode()])
def test_no_bit_of_the_body_may_be_another(vector: WebhookSecret, body: bytes) -> None:
    headers = Sender(SECRET).headers(body, ID, AT)
    assert webhook_signature.verified(headers, body)

    for flipped in flips(body):
        unsigned(flipped, signature=headers["webhook-signature"])


def test_nothing_may_move_from_one_part_to_the_next(vector: WebhookSecret) -> None:
    unsigned(b"3." + BODY, timestamp="161426533")
    unsigned(BODY[1:], timestamp=f"{AT}{BODY[:1].decode()}")
    unsigned(BODY + b" ")
    unsigned(b" " + BODY)
    unsigned(b"")


def test_a_body_that_is_not_utf8_is_signed_by_nobody(vector: WebhookSecret) -> None:
    for body in (b"\xff", b"\xed\xa0\x80", '{"a": "\u00e9"}'.encode("latin-1")):
        unsigned(body, signature=Sender(SECRET).signature(ID, AT, body))


def test_an_empty_body_can_be_signed(vector: WebhookSecret) -> None:
    assert webhook_signature.verified(Sender(SECRET).headers(b"", ID, AT), b"")


def test_a_secret_that_no_key_opens_is_passed_over_and_named(
    vector: WebhookSecret, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    for row in WebhookSecret.objects.exclude(pk=vector.pk):
        WebhookSecret.objects.filter(pk=row.pk).update(sealed_secret=b"\x01\x03old" + b"x" * 60)

    assert webhook_signature.verified(VECTOR, BODY).secret == vector
    assert "webhook.secret_unreadable" in caplog.text
    settings.TOKEN_KEYS = {"new": bytes(32)}
    unsigned()


def test_a_sealed_secret_is_worth_nothing_in_another_row(vector: WebhookSecret) -> None:
    other = WebhookSecret.objects.exclude(pk=vector.pk).get()
    WebhookSecret.objects.filter(pk=vector.pk).delete()
    WebhookSecret.objects.filter(pk=other.pk).update(sealed_secret=bytes(vector.sealed_secret))

    unsigned()


def test_every_active_secret_is_compared_and_a_revoked_one_never(
    vector: WebhookSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        issue(f"name {number}")
    revoked = WebhookSecret.objects.get(name="name 1")
    credentials.revoke_secret(revoked.pk, by=COMMAND_LINE)
    compared: list[Any] = []
    signs = webhook_signature._signs

    def watched(key: Webhook, headers: Any) -> bool:
        compared.append(key)
        return signs(key, headers)

    monkeypatch.setattr(webhook_signature, "_signs", watched)

    webhook_signature.verified(VECTOR, BODY)
    assert len(compared) == 5, "four active ones and the unknown key"
    compared.clear()
    unsigned(timestamp="hello")
    assert len(compared) == 5
    WebhookSecret.objects.all().delete()
    compared.clear()
    unsigned()
    assert compared == [webhook_signature._UNKNOWN_KEY]


def test_a_secret_is_sealed_and_has_32_random_bytes() -> None:
    one, two = (issue(f"name {number}").secret for number in range(2))

    assert one != two
    for secret in (one, two):
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
        for row in WebhookSecret.objects.all():
            assert secret.encode() not in bytes(row.sealed_secret)
            assert base64.b64decode(secret[6:]) not in bytes(row.sealed_secret)


def test_the_library_of_the_standard_is_understood(alice: User, review: ReviewTask) -> None:
    sender = issue()
    body = json.dumps(about(review))
    now = datetime.now(UTC).replace(microsecond=0)
    headers = {
        "webhook-id": "msg-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(sender.secret).sign("msg-1", now, body),
    }

    assert sender.post(body.encode(), headers).status_code == 200


def test_every_401_is_the_same_to_the_byte(alice: User, review: ReviewTask) -> None:
    body = json.dumps(about(review)).encode()
    unknown = Sender("whsec_" + base64.b64encode(bytes(32)).decode())
    none_at_all = unknown.send(body)
    sender = issue()
    now = int(sender.headers(body)["webhook-timestamp"])
    revoked = issue("gone")
    credentials.revoke_secret(WebhookSecret.objects.get(name="gone").pk, by=COMMAND_LINE)
    unreadable = issue("unreadable")
    WebhookSecret.objects.filter(name="unreadable").update(sealed_secret=b"")

    answers = [
        none_at_all,
        unknown.send(body),
        revoked.send(body),
        unreadable.send(body),
        sender.post(body, {}),
        sender.post(b"", {}),
        sender.post(b"\xff", {}),
        sender.send(body, signature=None),
        sender.send(body, id=None),
        sender.send(body, timestamp=None),
        sender.send(body, timestamp="soon"),
        sender.send(body, signature="v1"),
        sender.send(body, signature=f"v1,{FOREIGN}"),
        sender.send(body, at=now - 310),
        sender.send(body, at=now + 310),
        sender.post(body + b" ", sender.headers(body)),
    ]

    for answer in answers:
        refused(answer, 401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"] == "StandardWebhooks"
    assert len({answer.content for answer in answers}) == 1
    assert sender.send(body, at=now - 290).status_code == 200
