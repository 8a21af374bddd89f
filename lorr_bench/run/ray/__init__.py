"""Run stages on a Ray cluster: an actor holds a node's resources, with an ordinary worker in it."""
