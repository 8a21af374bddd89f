"""Methods as pure functions of log-probabilities, trained by a loop of this project on accelerate."""
