"""The REST API under /api/v1/, for programs: the same verbs and the same policy as the pages."""
