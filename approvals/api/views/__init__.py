"""The API's endpoints, a module a resource: they translate, the verbs decide."""
