"""Problem documents (RFC 9457): what every refusal of the API looks like."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ProblemAnswer(serializers.Serializer[Any]):
    """A refusal, RFC 9457. Match on `code`; some codes come with more members than these."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    pointer = serializers.CharField(required=False, help_text="Where in the body, a JSON Pointer.")
    parameter = serializers.CharField(required=False, help_text="Which query parameter.")
    header = serializers.CharField(required=False, help_text="Which request header.")
