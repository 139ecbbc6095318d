"""How long to wait before another attempt: exponential backoff with full jitter.

After https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/.
"""

from __future__ import annotations

import random

FIRST, LONGEST = 1.0, 60.0  # seconds
SHORTEST = 0.1


def seconds_before_retry(
    attempts: int, *, at_least: float = SHORTEST, longest: float = LONGEST
) -> float:
    """Seconds to wait after so many failed attempts: random, below a bound that doubles with each of them."""
    ceiling = min(longest, FIRST * 2 ** min(attempts, 10))
    return max(at_least, random.uniform(SHORTEST, ceiling))  # noqa: S311  (jitter, not a secret)
