"""What a suite says of the settings that its arms try before a test problem is touched."""
