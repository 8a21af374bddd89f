"""Run the commands that are read from standard input in this process, and print what became of each.

Their workers are forked from one process, which has imported in the environment of this one.
"""

import json
import sys

from command_line import lorr_bench_here
from warm_process import warm_process, with_warm_workers

from lorr_bench import line_process


def result(arguments, environment):
    done = lorr_bench_here(*arguments, cwd=".", **environment)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


if __name__ == "__main__":
    if sys.platform == "linux":
        line_process.subprocess = with_warm_workers(warm_process)
    json.dump([result(*each) for each in json.load(sys.stdin)], sys.stdout)
