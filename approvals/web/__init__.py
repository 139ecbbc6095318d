"""The desk: the pages for reviewers, rendered on the server and complete without JavaScript."""
