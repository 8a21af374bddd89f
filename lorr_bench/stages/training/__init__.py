"""The stages that train: reference log-probabilities, then the LoRR loop, in one process or several."""
