"""A local account for development: a PostgreSQL, an AWS and customers who place orders, all on localhost.

Nothing here runs in production or is part of the image. `manage.py demo`, make and the tests use it.
"""
