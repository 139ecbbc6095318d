"""Template tag libraries of the desk."""
