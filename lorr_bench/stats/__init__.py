"""Statistics on score arrays: arrays in, frozen values out."""

from lorr_bench.stats.crossed import (
    crossed_interval,
    paired_difference,
    stratified_difference,
    stratified_interval,
)
from lorr_bench.stats.curves import (
    area_difference,
    area_over_setting,
    area_under_curve,
    data_efficiency,
    spans_factors,
)
from lorr_bench.stats.estimates import Difference, Efficiency, Interval
from lorr_bench.stats.families import family_table
from lorr_bench.stats.multiple import fixed_sequence, holm
from lorr_bench.stats.permutation import permutation_test, permuted_equivalence
from lorr_bench.stats.runs import interquartile_gain, probability_of_improvement
from lorr_bench.stats.spread import SeedSpread, seed_spread
from lorr_bench.stats.strata import weighted_table

__all__ = [
    "Difference",
    "Efficiency",
    "Interval",
    "SeedSpread",
    "area_difference",
    "area_over_setting",
    "area_under_curve",
    "crossed_interval",
    "data_efficiency",
    "family_table",
    "fixed_sequence",
    "holm",
    "interquartile_gain",
    "paired_difference",
    "permutation_test",
    "permuted_equivalence",
    "probability_of_improvement",
    "seed_spread",
    "spans_factors",
    "stratified_difference",
    "stratified_interval",
    "weighted_table",
]
