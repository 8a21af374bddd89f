"""The tokens of a model: where its texts begin, where its answers end, and its chat template."""
