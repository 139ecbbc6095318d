"""Every URL of the service: the pages, the account pages, the admin site, the API, and health."""

from __future__ import annotations

from django.urls import include, path

handler404 = "approvals.web.error_views.not_found"
handler500 = "approvals.web.error_views.broken"
urlpatterns = [
    path("api/", include("approvals.api.urls")),
    path("accounts/", include("approvals.web.account_urls")),
    path("admin/", include("approvals.admin.urls")),
    path("", include("approvals.web.urls")),  # last: others need not be compared with each page
]
