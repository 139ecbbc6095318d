"""Decide a review by signed webhook, with Python's standard library alone.

    WEBHOOK_SECRET=whsec_... python decide_by_webhook.py URL EMAIL approve|reject REVIEW_ID [REASON]

With `-` for REVIEW_ID the task token is read from standard input: other users can see arguments.
Exit codes: 0 decided, 1 refused or no response, 2 wrong arguments (nothing was sent).
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

DECISIONS = {"approve": True, "reject": False}  # no other word: a mistyped one must not reject
if len(sys.argv) < 5 or sys.argv[3] not in DECISIONS or "WEBHOOK_SECRET" not in os.environ:  # noqa: TID251
    sys.stderr.write(str(__doc__))
    sys.exit(2)
url, email, word, review, *reason = sys.argv[1:]
secret = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))  # noqa: TID251
decision = {"approved": DECISIONS[word], "reviewer_email": email, "reason": " ".join(reason)}
target = {"task_token": sys.stdin.read().strip()} if review == "-" else {"review_id": review}
body = json.dumps(target | decision).encode()
webhook_id = f"decision-{uuid.uuid4()}"  # one id a decision: repeated, it does not decide twice

for pause in (1, 5, 0):  # seconds
    timestamp = str(int(time.time()))
    mac = hmac.digest(secret, f"{webhook_id}.{timestamp}.".encode() + body, "sha256")
    headers = {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }
    request = urllib.request.Request(f"{url}/api/v1/webhooks/decision/", body, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            sys.stdout.write(response.read().decode() + "\n")
            sys.exit()
    except urllib.error.HTTPError as refusal:
        if refusal.code not in {429, 500, 502, 503, 504}:
            sys.exit(refusal.read().decode())  # final: correct the request, use a new id
    except OSError as error:
        sys.stderr.write(f"{error}: trying again\n")
    time.sleep(pause)
sys.exit("no response: the decision may have been taken, so try again with the same id")
