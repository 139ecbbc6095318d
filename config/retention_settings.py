"""How long rows are kept that nobody needs any more; docs/privacy.md explains each."""

from __future__ import annotations

from config.env import env

#: Days after which a session that has expired is deleted; 0: never.
RETENTION_SESSIONS_DAYS = env.retention("RETENTION_SESSIONS_DAYS", default=1)
#: Hours after which a counter of sign-in attempts or of API requests that has not changed is deleted.
RETENTION_SIGN_IN_ATTEMPTS_HOURS = env.retention(
    "RETENTION_SIGN_IN_ATTEMPTS_HOURS", default=1, least=1
)
#: Days that an idempotency key or the id of a webhook message is remembered.
RETENTION_IDEMPOTENCY_KEYS_DAYS = env.retention(
    "RETENTION_IDEMPOTENCY_KEYS_DAYS", default=7, least=1
)
#: Days after which the attempts of a call that has ended are deleted; 0: never.
RETENTION_OUTBOX_ATTEMPTS_DAYS = env.retention("RETENTION_OUTBOX_ATTEMPTS_DAYS", default=365)
#: Days from its arrival after which the sealed message of a review that has ended is erased; 0: never. At
#: least 15: SQS may deliver a message again for 14 days.
RETENTION_RAW_BODIES_DAYS = env.retention("RETENTION_RAW_BODIES_DAYS", default=90, least=15)
#: Days after which a quarantined message that was replayed or discarded is deleted; 0: never. At least 15.
RETENTION_QUARANTINE_DAYS = env.retention("RETENTION_QUARANTINE_DAYS", default=90, least=15)
#: Days after which a bulk decision that has ended is deleted; 0: never. Decisions and their events stay.
RETENTION_BULK_DECISIONS_DAYS = env.retention("RETENTION_BULK_DECISIONS_DAYS", default=90)
#: Days after which what AWS said about an execution that has ended is deleted; 0: never. It is asked again.
RETENTION_EXECUTION_SNAPSHOTS_DAYS = env.retention("RETENTION_EXECUTION_SNAPSHOTS_DAYS", default=90)
