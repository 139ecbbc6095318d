"""The floor's views: a decision is one UPDATE; the list is a ModelSerializer behind cursor pagination."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from rest_framework import generics, pagination, serializers

from tests.bench.floor.models import Item


def ready(_: HttpRequest) -> JsonResponse:
    """The server is up."""
    return JsonResponse({})


def decide(_: HttpRequest, pk: int) -> JsonResponse:
    """Approve an item, if it is pending."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE floor_item SET status = 'approved', outcome = 'approved', decided_at = now(),"
            " version = version + 1 WHERE id = %s AND status = 'pending'",
            [pk],
        )
        return JsonResponse({"id": pk}, status=201 if cursor.rowcount else 409)


class ItemSerializer(serializers.ModelSerializer[Item]):
    """All columns."""

    class Meta:
        model = Item
        fields = "__all__"


class ByDeadline(pagination.CursorPagination):
    """Pages of 50 by deadline."""

    page_size = 50
    ordering = ("deadline_at", "id")


class Items(generics.ListAPIView[Item]):
    """The pending items."""

    queryset: Any = Item.objects.filter(status="pending")
    serializer_class = ItemSerializer
    pagination_class = ByDeadline


urlpatterns = [
    path("ready/", ready),
    path("decide/<int:pk>/", decide),
    path("items/", Items.as_view()),
]
