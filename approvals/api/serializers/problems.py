"""Problem documents (RFC 9457): what every refusal of the API looks like."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ProblemAnswer(serializers.Serializer[Any]):
    """A problem document (RFC 9457). Match on `code`; some codes come with more members."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    pointer = serializers.CharField(
        required=False, help_text="JSON Pointer to the place in the body."
    )
    parameter = serializers.CharField(required=False, help_text="The query parameter at fault.")
    header = serializers.CharField(required=False, help_text="The request header at fault.")
