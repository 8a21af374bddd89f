"""The training loop of the native backend. Imports torch: imported only when training starts.

``trainer`` runs; ``rows`` become ``batches``, whose sequences are laid out by ``layout`` and scored by
``policy``; ``checkpoint`` keeps what an interrupted run goes on from.
"""
