"""A worker that pretends: what it does is said by the label of the stage."""

import json
import os
import signal
import sys
import time


def answer(event, **fields):
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


for line in sys.stdin:
    order = json.loads(line)
    label, digest = order["stage"]["label"], order["digest"]
    if label == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif label == "exit":
        sys.exit(3)
    elif label == "hang":
        time.sleep(1000)
    elif label == "slow":
        for _ in range(20):
            answer("Alive")
            time.sleep(0.2)
        answer("Ended", digest=digest, seconds=1.0, tokens=0)
    elif label == "fail":
        answer("Failed", digest=digest, reason="it broke", lasting=False, disk_full=False)
    elif label == "explain":
        answer("Failed", digest=digest, reason="no data", lasting=True, disk_full=False)
    else:
        answer("Alive")
        answer("Advanced", digest=digest, done=1, total=2, tokens=os.getpid())
        answer("Ended", digest=digest, seconds=1.0, tokens=os.getpid())
