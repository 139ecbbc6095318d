"""The peer's API: the open tasks, and their decision."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from viewflow.workflow.models import Task
from viewflow.workflow.status import STATUS

from tests.bench.peer.flows import ApprovalFlow


def ready(_: HttpRequest) -> JsonResponse:
    """The server is up."""
    return JsonResponse({})


class DecisionBody(serializers.Serializer[Any]):
    """What a reviewer sends."""

    outcome = serializers.ChoiceField(["approved", "rejected"])
    reason = serializers.CharField(max_length=200, required=False, default="")


class Decide(APIView):
    """The decision of a task."""

    def post(self, request: Request, pk: int) -> Response:
        """Assign the task to the caller, store the outcome, complete the task, and end the process."""
        body = DecisionBody(data=request.data)
        body.is_valid(raise_exception=True)
        found = ApprovalFlow.task_class.objects.filter(pk=pk).first()
        if found is None:
            raise NotFound
        with transaction.atomic(), found.activation() as activation:
            if not activation.assign.has_perm(request.user):
                raise PermissionDenied
            if not activation.assign.can_proceed():
                return Response({"status": activation.task.status}, status=409)
            activation.assign(request.user)
            activation.start(request)
            process = activation.process
            process.data |= body.validated_data | {"decided_by": str(request.user)}
            process.save()
            activation.execute()
        process.refresh_from_db()
        return Response({"id": pk, "status": process.status, "data": process.data}, status=201)


class Tasks(APIView):
    """The open tasks."""

    def get(self, request: Request) -> Response:
        """The first 50."""
        rows = Task.objects.filter(status=STATUS.NEW).select_related("process").order_by("id")[:50]
        return Response(
            [{"id": row.pk, "created": row.created, "data": row.process.data} for row in rows]
        )


urlpatterns = [
    path("ready/", ready),
    path("tasks/", Tasks.as_view()),
    path("tasks/<int:pk>/decide/", Decide.as_view()),
]
