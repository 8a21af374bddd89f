"""Run the commands that are read from standard input in this process, and print what became of each."""

import json
import sys

from command_line import lorr_bench_here


def result(arguments, environment):
    done = lorr_bench_here(*arguments, cwd=".", **environment)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


if __name__ == "__main__":
    json.dump([result(*each) for each in json.load(sys.stdin)], sys.stdout)
