"""Methods trained by TRL.

``methods.py`` declares them all. Each builds on a base class that says what one of TRL's trainers takes:
``preference`` (DPOTrainer), ``reference_free`` (CPOTrainer, ORPOTrainer), ``labels`` (KTOTrainer),
``imitation`` (SFTTrainer) and ``online`` (GRPOTrainer, RLOOTrainer). The trainers themselves, with the replay
loop mixed in, are in ``training`` under the same names; they import torch and TRL, so they are imported only
when training starts.
"""
