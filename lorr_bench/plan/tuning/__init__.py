"""Settings that arms try before a test problem is touched: the grid, the tries, and which of them is best."""
