"""The endpoints of the API, a module a resource: they parse requests, call verbs and build responses."""
