"""Methods trained by TRL."""
