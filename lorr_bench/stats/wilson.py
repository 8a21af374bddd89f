"""An interval for a share, laid around it so that it stays between 0 and 1."""

from __future__ import annotations

import math


def wilson_ends(share: float, ratio: float) -> tuple[float, float]:
    """Ends of Wilson's (1927) interval.

    Args:
        share: Between 0 and 1.
        ratio: Squared half width over share · (1 - share): for a binomial share of n, z²/n.

    Returns:
        Lower and upper end, between 0 and 1, the share between them.
    """
    centre = (share + ratio / 2) / (1 + ratio)
    half = math.sqrt(ratio * share * (1 - share) + ratio**2 / 4) / (1 + ratio)
    # Rounding may carry an end past the share or the edge by one unit of the last place.
    return max(min(centre - half, share), 0.0), min(max(centre + half, share), 1.0)
