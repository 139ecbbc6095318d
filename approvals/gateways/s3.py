"""S3: look at an object, read it block by block at one pinned content, and write one of any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from approvals.arns import Place
from approvals.exceptions import Invalid, Unavailable
from approvals.gateways import aws
from approvals.gateways.errors import Proof, classify

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART = 8 * 1024 * 1024  # bytes; a part but the last has 5 MiB at least (API reference, UploadPart)
ETAG = "etag:"
GONE = {"NoSuchKey", "NoSuchBucket", "NoSuchVersion", "404", "PreconditionFailed", "412"}
ELSEWHERE = {"301", "PermanentRedirect", "InvalidBucketName", "KeyTooLongError"}
NO_ACCESS = {"AccessDenied", "403", "AllAccessDisabled", "InvalidObjectState"}


class NotAllowedHere(Invalid):
    """S3 knows us and lets us not: somebody has to change a right before it is tried again."""


@dataclass(frozen=True)
class Object:
    """An object as it is now: how long, and what pins this content of it."""

    version: str
    size: int


class Body:
    """The bytes of an object, a block at a time; raises Unavailable where S3 breaks off."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self._name = stream, name

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        with _told(self._name):
            block: bytes = self._stream.read(size if size >= 0 else None)
            return block


def look(place: Place, bucket: str, key: str) -> Object:
    """HeadObject. Where the bucket keeps no versions, the ETag pins the content.

    Raises Invalid (there is none, or we may not) or Unavailable.
    """
    with _told(f"s3://{bucket}/{key}"):
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
    with _told(name):
        answer = aws.s3(place).get_object(Bucket=bucket, Key=key, **pinned)
    try:
        yield Body(answer["Body"], name)
    finally:
        answer["Body"].close()


def write(place: Place, bucket: str, key: str, blocks: Iterable[bytes]) -> str:
    """Write an object as its blocks come, holding 8 MiB at a time; returns its VersionId, or nothing.

    What breaks off leaves parts that no object shows: a lifecycle rule of the bucket removes them.
    Raises Invalid or Unavailable.
    """
    client = aws.s3(place)
    held = bytearray()
    upload: _Upload | None = None
    with _told(f"s3://{bucket}/{key}"):
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
    """A multipart upload under way."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._client = client
        self._where: Any = {"Bucket": bucket, "Key": key}
        self._id = client.create_multipart_upload(**self._where)["UploadId"]
        self._parts: list[Any] = []

    def add(self, part: bytes) -> None:
        number = len(self._parts) + 1
        done = self._client.upload_part(
            **self._where, UploadId=self._id, PartNumber=number, Body=part
        )
        self._parts.append({"PartNumber": number, "ETag": done["ETag"]})

    def complete(self) -> str:
        done = self._client.complete_multipart_upload(
            **self._where, UploadId=self._id, MultipartUpload={"Parts": self._parts}
        )
        return str(done.get("VersionId", ""))


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        answer = classify(error)
        if answer.code in ELSEWHERE:
            why = "its bucket lies in another region, or its name is none"
            raise Invalid(f"{name} cannot be read here: {why} ({answer.code}).") from error
        if answer.code in GONE:
            raise Invalid(f"{name} is not there, or not as it was: {answer.code}.") from error
        if answer.code in NO_ACCESS or answer.proof == Proof.ACCESS_DENIED:
            raise NotAllowedHere(
                f"{name} may not be read or written by us: {answer.code}."
            ) from error
        raise Unavailable(f"S3 does not answer for {name}: {answer.code}.") from error
