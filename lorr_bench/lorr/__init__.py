"""LoRR itself, on torch tensors: loop, reset, schedule, objective. Start reading at ``loop.py``."""
