"""What a model is measured on: math benchmarks and general reasoning."""
