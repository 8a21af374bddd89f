"""The tables of a report, one file a table: its frame of numbers, and the sheet that shows it."""
