"""Training adapters of lorr-bench: one folder a backend, whose ``methods.py`` declares its methods."""
