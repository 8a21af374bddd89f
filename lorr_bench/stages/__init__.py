"""The stages of a suite, one file each. Each reads its inputs, fills one folder and returns its outcome."""
