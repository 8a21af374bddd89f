"""Tell experiment trackers, such as TensorBoard and MLflow, about trained models."""
