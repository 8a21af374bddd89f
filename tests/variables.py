"""Variables of the environment that libraries read when they are imported, as all tests have them.

The tests know no Hub but their own, which serves at one port when it does, and no cache of its client but one that is
empty at first.
"""

import os
import socket
from tempfile import TemporaryDirectory

for name in [name for name in os.environ if name.startswith(("HF_", "TRANSFORMERS_"))]:
    del os.environ[name]

hub_home = TemporaryDirectory(prefix="lorr-bench-hub-", ignore_cleanup_errors=True)
hub_port = socket.socket()
hub_port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that the Hub may take it
hub_port.bind(("127.0.0.1", 0))
os.environ |= {
    "HF_HOME": hub_home.name,
    "HF_ENDPOINT": f"http://127.0.0.1:{hub_port.getsockname()[1]}",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # on small tensors a second thread only waits
