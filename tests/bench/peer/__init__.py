"""The peer: an approval with django-viewflow behind a thin layer of Django REST framework.

It keeps processes and tasks as viewflow does, checks a token, and has no delivery, audit chain, lease or
rate limit.
"""
