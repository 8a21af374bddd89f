"""Packages that some tests need: looked for, not imported, because a run of the fast tests has no time for vLLM's."""

from importlib.util import find_spec

import pytest

needs_vllm = pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed: make install")
