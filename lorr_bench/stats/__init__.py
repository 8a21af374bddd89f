"""Statistics on score arrays: arrays in, frozen values out."""

from lorr_bench.stats.crossed import Difference, Interval, crossed_interval, paired_difference
from lorr_bench.stats.multiple import holm

__all__ = ["Difference", "Interval", "crossed_interval", "holm", "paired_difference"]
