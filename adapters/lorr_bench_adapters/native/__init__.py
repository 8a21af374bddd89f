"""Methods as pure functions of log-probabilities, trained by a loop of this project on accelerate.

``methods.py`` declares them all; ``objectives.py`` has their formulas. Each method builds on a base class
that says what a row is: ``pairs``, ``labels`` or ``imitation``. The loop is in ``training``. It and
``objectives`` import torch, so both are imported only when training starts.
"""
