"""The admin site: operators look at everything and change it through the verbs, never by hand."""
