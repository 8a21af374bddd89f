"""lorr-bench: preference optimization with and without LoRR, compared under an equal budget."""

__version__ = "0.1.0"
