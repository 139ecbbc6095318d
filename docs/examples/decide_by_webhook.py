"""Decide a review by signed webhook, with nothing but Python's standard library.

    WEBHOOK_SECRET=whsec_... python decide_by_webhook.py URL EMAIL approve|reject REVIEW_ID [REASON]

With `-` for REVIEW_ID the task token is read from standard input: arguments can be seen by others.
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

url, email, verdict, review, *reason = sys.argv[1:]
secret = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))  # noqa: TID251
said = {"approved": verdict == "approve", "reviewer_email": email, "reason": " ".join(reason)}
which = {"task_token": sys.stdin.read().strip()} if review == "-" else {"review_id": review}
body = json.dumps(which | said).encode()
call = f"decision-{uuid.uuid4()}"  # one id a decision: sent again, it never decides twice

for pause in (1, 5, 0):
    at = str(int(time.time()))
    mac = hmac.digest(secret, f"{call}.{at}.".encode() + body, "sha256")
    headers = {
        "Content-Type": "application/json",
        "webhook-id": call,
        "webhook-timestamp": at,
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }
    request = urllib.request.Request(f"{url}/api/v1/webhooks/decision/", body, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            sys.stdout.write(answer.read().decode() + "\n")
            sys.exit()
    except urllib.error.HTTPError as refusal:
        if refusal.code not in {429, 500, 502, 503, 504}:
            sys.exit(refusal.read().decode())  # final for this id: correct it, and take a new one
    except OSError as away:
        sys.stderr.write(f"{away}: trying again\n")
    time.sleep(pause)
sys.exit("no answer: what became of the decision is unknown, so try again with the same id")
