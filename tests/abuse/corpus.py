"""The malicious corpus as data: bodies of SQS messages, each with the end that it has to come to.

The seeds are those of the reliability study, section 6. Nothing here is random: the same call makes the
same bodies. `python -m tests.abuse.corpus` prints how many there are of each kind.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

REVIEW, QUARANTINE, REFUSED = "review", "quarantine", "refused"  # refused: by SQS itself
MEGABYTE = 1_048_576
ACCOUNT = "123456789012"
MACHINE = f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:forged"
MAP = {"token": "$.detail.callback.token", "reference": "$.detail.id", "title": "$.detail.name"}


@dataclass(frozen=True)
class Body:
    """One body: `outcome` is its expected end, `reason` that of the quarantine where it matters."""

    kind: str
    name: str
    text: str
    outcome: str
    reason: str = ""
    is_mapped: bool = False  # for the queue that has the map MAP


def token(name: str) -> str:
    """A token that Step Functions never gave: as long and as odd as a real one, another for each name."""
    digest = hashlib.sha512(name.encode(errors="surrogatepass")).hexdigest()
    return f"AQCEAAAAKgAAAAMAAAAA{digest}/+=="


def message(name: str, **fields: Any) -> dict[str, Any]:
    """A full message with a forged token; a field of None is left out."""
    document = {
        "taskToken": token(name),
        "orderId": f"F-{name}"[:60],
        "executionArn": f"{MACHINE.replace('stateMachine', 'execution')}:{len(name)}",
        "stateMachineArn": MACHINE,
        "error": {"Error": "PaymentDeclined", "Cause": "Declined."},
        "input": {"total": 10, "customer": {"name": "C"}},
        **fields,
    }
    return {key: value for key, value in document.items() if value is not None}


def written(name: str, **fields: Any) -> str:
    """The same as text, characters as they are."""
    return json.dumps(message(name, **fields), ensure_ascii=False)


def bodies() -> list[Body]:
    """The whole corpus, in its order. Names are unique within a kind."""
    # Here, because the other modules take their words from this one.
    from tests.abuse import corpus_json, corpus_texts, corpus_values, envelopes  # noqa: PLC0415

    modules = (envelopes, corpus_json, corpus_texts, corpus_values)
    return [body for module in modules for body in module.bodies()]


def main() -> Iterator[str]:
    """Lines of a table of the corpus."""
    counts = Counter((body.kind, body.outcome) for body in bodies())
    for (kind, outcome), count in sorted(counts.items()):
        yield f"{kind:<12} {outcome:<11} {count}"
    yield f"{'':<24} {sum(counts.values())}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(main()) + "\n")
