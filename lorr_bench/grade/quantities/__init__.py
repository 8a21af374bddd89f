"""Numbers, units, scales and numerals of other bases, read exactly."""
