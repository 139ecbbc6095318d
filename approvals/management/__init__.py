"""The management commands (`python manage.py ...`) and what they share."""
