"""Reads what the children of a Distributed Map did, from the manifest of its ResultWriter in S3.

Step Functions Developer Guide, "ResultWriter (Map)": `manifest.json` lies below the prefix in a folder
named like the last part of the Map Run's ARN, and names the files of the children by their status:
SUCCEEDED, FAILED (failed, timed out or aborted) and PENDING (never started). The output of the state
names the manifest. A failed execution has no output, although its results may be written: then the Map
Run is asked for (ListMapRuns), and the place of the results is known from the execution's own input.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from approvals import arns
from approvals.exceptions import Invalid
from approvals.gateways import s3, stepfunctions
from approvals.gateways.stepfunctions import Execution
from approvals.models import BatchExecution, OutboxEntry
from approvals.untrusted import json_stream

LONGEST_RESULT = 4 * 1024 * 1024  # bytes of one child in a file: its input and its output, escaped
LONGEST_MANIFEST = 8 * 1024 * 1024  # bytes; it holds a name and a size for each file of results
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Child:
    """A child that ended: its output if it succeeded, else its input and the name of its error."""

    output: str = ""
    input: str = ""
    error: str = ""


def children(batch_execution: BatchExecution, execution: Execution) -> Iterator[Child]:
    """The children whose results are in S3, those that succeeded first; none if no results were written.

    Raises Unavailable or s3.NotAllowedHere where S3 or Step Functions does not let us read what may be
    there, and Invalid, json_stream.Broken, ValueError, TypeError or KeyError for what cannot be read.
    """
    place = arns.place_of(execution.arn)
    for bucket, key in _manifests(batch_execution, execution):
        with s3.opened(place, bucket, key) as body:
            text = body.read(LONGEST_MANIFEST + 1)
        if len(text) > LONGEST_MANIFEST:
            raise Invalid(f"The manifest {key} is longer than {LONGEST_MANIFEST} bytes.")
        manifest = json.loads(text)
        for status in ("SUCCEEDED", "FAILED"):
            for file in manifest["ResultFiles"].get(status) or ():
                source = (str(manifest["DestinationBucket"]), str(file["Key"]))
                with s3.opened(place, *source) as body:
                    for element in json_stream.elements(body, longest=LONGEST_RESULT):
                        yield _child(json.loads(element.text or b"{}"), status)


def _child(result: dict[str, Any], status: str) -> Child:
    if status == "SUCCEEDED":
        return Child(output=str(result["Output"]))
    error = str(result.get("Error") or result.get("Status") or status)
    return Child(input=str(result["Input"]), error=error)


def _manifests(batch_execution: BatchExecution, execution: Execution) -> Iterator[tuple[str, str]]:
    """Bucket and key of each manifest: of the execution's output, else of its Map Runs."""
    if execution.output:
        details = json.loads(execution.output)["ResultWriterDetails"]
        yield str(details["Bucket"]), str(details["Key"])
        return
    entry = OutboxEntry.objects.filter(
        kind=OutboxEntry.Kind.START_BATCH, subject=batch_execution.pk
    ).first()
    if entry is None:
        return
    target = json.loads(bytes(entry.payload))["results"]
    for arn in stepfunctions.map_runs(arns.place_of(execution.arn), execution.arn):
        yield str(target["bucket"]), f"{target['prefix']}/{arn.rpartition(':')[2]}/{MANIFEST}"
