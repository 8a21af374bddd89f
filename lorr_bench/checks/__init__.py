"""What is looked at before a run begins: each finding says what will go wrong, where, and what to do."""
