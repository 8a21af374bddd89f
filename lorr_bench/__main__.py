"""``python -m lorr_bench``: the same as ``lorr-bench``."""

from lorr_bench.cli import main

if __name__ == "__main__":
    main()
