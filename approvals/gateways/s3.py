"""S3: describe an object, read one pinned version of it block by block, and write one of any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from approvals.arns import Place
from approvals.exceptions import ApprovalsError, Invalid, Unavailable
from approvals.gateways import aws
from approvals.gateways.errors import Proof, classify

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART = 8 * 1024 * 1024  # bytes; a part but the last has 5 MiB at least (API reference, UploadPart)
ETAG = "etag:"
GONE = {"NoSuchKey", "NoSuchBucket", "NoSuchVersion", "404", "PreconditionFailed", "412"}
WRONG_REGION = {"301", "PermanentRedirect", "InvalidBucketName", "KeyTooLongError"}
NO_ACCESS = {"AccessDenied", "403", "AllAccessDisabled", "InvalidObjectState"}


class NotAllowedHere(Invalid):
    """S3 refuses our credentials: a right has to be changed before it is tried again."""


@dataclass(frozen=True)
class Object:
    """An object as it is now: its length in bytes, and a version that pins this content."""

    version: str
    size: int


class Body:
    """The bytes of an object, a block at a time; raises Unavailable if S3 breaks off."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self._name = stream, name

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        with _translated(self._name):
            block: bytes = self._stream.read(size if size >= 0 else None)
            return block


def look(place: Place, bucket: str, key: str) -> Object:
    """HeadObject. If the bucket keeps no versions, the ETag pins the content.

    Raises Invalid (no such object, or no right to it) or Unavailable.
    """
    with _translated(f"s3://{bucket}/{key}"):
        found = aws.s3(place).head_object(Bucket=bucket, Key=key)
    version = found.get("VersionId", "")
    if not version or version == "null":
        version = f"{ETAG}{found['ETag']}"
    return Object(version, found["ContentLength"])


@contextmanager
def opened(place: Place, bucket: str, key: str, version: str = "") -> Iterator[Body]:
    """GetObject of one version (a VersionId, or `etag:...`). Raises Invalid or Unavailable."""
    name = f"s3://{bucket}/{key}"
    pinned: Any = {"VersionId": version} if version else {}
    if version.startswith(ETAG):
        pinned = {"IfMatch": version.removeprefix(ETAG)}
    with _translated(name):
        answer = aws.s3(place).get_object(Bucket=bucket, Key=key, **pinned)
    try:
        yield Body(answer["Body"], name)
    finally:
        answer["Body"].close()


def write(place: Place, bucket: str, key: str, blocks: Iterable[bytes]) -> str:
    """Write an object as its blocks come, holding 8 MiB at a time; returns its VersionId, "" if it has none.

    An upload that breaks off leaves parts that no object shows: a lifecycle rule of the bucket removes
    them. Raises Invalid or Unavailable.
    """
    client = aws.s3(place)
    held = bytearray()
    upload: _Upload | None = None
    with _translated(f"s3://{bucket}/{key}"):
        for block in blocks:
            held += block
            if len(held) >= PART:
                upload = upload or _Upload(client, bucket, key)
                upload.add(bytes(held))
                held.clear()
        if upload is None:
            done = client.put_object(Bucket=bucket, Key=key, Body=bytes(held))
            return str(done.get("VersionId", ""))
        if held:
            upload.add(bytes(held))
        return upload.complete()


class _Upload:
    """A multipart upload in progress."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._client = client
        self._target: Any = {"Bucket": bucket, "Key": key}
        self._id = client.create_multipart_upload(**self._target)["UploadId"]
        self._parts: list[Any] = []

    def add(self, part: bytes) -> None:
        number = len(self._parts) + 1
        done = self._client.upload_part(
            **self._target, UploadId=self._id, PartNumber=number, Body=part
        )
        self._parts.append({"PartNumber": number, "ETag": done["ETag"]})

    def complete(self) -> str:
        done = self._client.complete_multipart_upload(
            **self._target, UploadId=self._id, MultipartUpload={"Parts": self._parts}
        )
        return str(done.get("VersionId", ""))


def explained(error: ApprovalsError) -> str:
    """What S3 answered, and what to do about it, for the page of what waits for it."""
    if isinstance(error, NotAllowedHere):
        todo = (
            "Grant the worker's role s3:GetObject and s3:GetObjectVersion on it (s3:PutObject where it is"
            " written, and the use of the bucket's KMS key); S3 refuses also a key that is not there."
        )
    elif isinstance(error, Invalid):
        todo = "Correct the bucket, its region or the key."
    else:
        todo = "This passes by itself, unless S3 cannot be reached from the worker."
    return f"{error.message[:320]} {todo}"


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        answer = classify(error)
        if answer.code in WRONG_REGION:
            why = "its bucket lies in another region, or its name is invalid"
            raise Invalid(f"{name} cannot be read here: {why} ({answer.code}).") from error
        if answer.code in GONE:
            raise Invalid(f"{name} is missing, or has changed: {answer.code}.") from error
        if answer.code in NO_ACCESS or answer.proof == Proof.ACCESS_DENIED:
            raise NotAllowedHere(
                f"{name} may not be read or written by us: {answer.code}."
            ) from error
        raise Unavailable(f"S3 does not answer for {name}: {answer.code}.") from error
