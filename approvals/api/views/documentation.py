"""The OpenAPI document at /api/schema/ and the pages at /api/docs/ that show it.

Neither needs a login: they contain no data, only what the public source contains.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from csp.decorators import csp_update
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from approvals.api.rate_limits import CallerRateLimit


class OpenAPIDocument(SpectacularAPIView):
    """The OpenAPI document: made once in a process for each format, because it takes some tenths of a second."""

    http_method_names = ["get", "head"]
    throttle_classes = [CallerRateLimit]  # open to everybody

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The document in the format that the request accepts."""
        renderer: Any = request.accepted_renderer
        response = HttpResponse(
            _document(cast("Any", type(renderer))), content_type=renderer.media_type
        )
        name = f"{spectacular_settings.TITLE}.{renderer.format}"
        response.headers["Content-Disposition"] = f'inline; filename="{name}"'
        return response


@lru_cache(maxsize=len(SpectacularAPIView.renderer_classes))
def _document(renderer: Callable[[], BaseRenderer]) -> bytes:
    generator: Any = OpenAPIDocument.generator_class()
    schema = generator.get_schema(public=OpenAPIDocument.serve_public)
    rendered: Any = renderer().render(schema, renderer_context={})
    return cast("bytes", rendered)


# Swagger UI sets icons and sizes with inline styles; scripts come from the page's own host only.
@method_decorator(csp_update({"style-src": "'unsafe-inline'"}), name="dispatch")
class DocumentationPages(SpectacularSwaggerSplitView):
    """Swagger UI: the OpenAPI document as pages from which requests can be sent."""

    http_method_names = ["get", "head"]
    url_name = "api:schema"
