"""The OpenAPI document at /api/schema/ and the pages at /api/docs/ that show it.

Neither needs a login: they contain no data, only what the public source contains.
"""

from __future__ import annotations

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from approvals.api.rate_limits import CallerRateLimit


class OpenAPIDocument(SpectacularAPIView):
    """The OpenAPI document."""

    http_method_names = ["get", "head"]
    throttle_classes = [
        CallerRateLimit
    ]  # open to everybody, and building the document takes a moment


# Swagger UI sets icons and sizes with inline styles; scripts come from the page's own host only.
@method_decorator(csp_update({"style-src": "'unsafe-inline'"}), name="dispatch")
class DocumentationPages(SpectacularSwaggerSplitView):
    """Swagger UI: the OpenAPI document as pages from which requests can be sent."""

    http_method_names = ["get", "head"]
    url_name = "api:schema"
