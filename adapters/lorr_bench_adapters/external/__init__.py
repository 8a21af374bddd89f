"""Methods trained by programs of their own, one run for each replay."""
