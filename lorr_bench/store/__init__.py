"""Artefacts and records: one folder a stage, written atomically, checked when read."""
