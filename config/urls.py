"""Every address of the service: the desk, the accounts pages, the API, health and the admin site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("approvals.web.urls")),
    path("accounts/", include("allauth.urls")),
    path("api/", include("approvals.api.urls")),
    path("admin/", admin.site.urls),
    path("", include("django_prometheus.urls")),
]
