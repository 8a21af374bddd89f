"""Training adapters of lorr-bench: one folder a backend, one file a method."""
