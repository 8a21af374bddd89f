"""The suite file: frozen models, loading with file and line in every error, JSON Schema."""
