"""What the commands do, one file a task; ``cli.py`` says what users can type."""
