"""Runs a command and says how long its first and its last output took and how much memory it needed.

    measure_command.py INPUT COMMAND [ARGUMENT ...]

INPUT is the file on the command's standard input. Prints one JSON object; times are seconds from the start.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    with open(sys.argv[1], "rb") as stdin:
        start = time.perf_counter()
        process = subprocess.Popen(sys.argv[2:], stdin=stdin, stdout=subprocess.PIPE)
        process.stdout.read(1)
        first = time.perf_counter() - start
        process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        total = time.perf_counter() - start
    print(json.dumps({
        "exit_code": os.waitstatus_to_exitcode(status),
        "first": first,
        "total": total,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_memory_mib": usage.ru_maxrss / 1024,
    }))


if __name__ == "__main__":
    main()
