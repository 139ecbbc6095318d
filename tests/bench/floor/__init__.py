"""The floor: bare Django and bare Django REST framework, without authentication, on the same server."""
