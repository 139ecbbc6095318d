"""The local account for development: PostgreSQL, AWS, and customers' orders, all on this machine.

Nothing of it runs in production or is part of the image. `manage.py demo`, make and tests use it.
"""
