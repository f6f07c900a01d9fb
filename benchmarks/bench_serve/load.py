"""Load: `wrk`, for a while, from a number of connections, with bodies that take turns."""

import json
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

#: Sends the lines of a file in turn; at the end prints one line of JSON, times in microseconds.
SCRIPT = """
local requests, turn = {}, 0
function init(arguments)
  wrk.headers["Content-Type"] = "application/json"
  for body in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, nil, body)
  end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "p99_9": %d, ' ..
    '"refused": %d, "broken": %d}\\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    failed.status, failed.connect + failed.read + failed.write + failed.timeout))
end
"""
TIMEOUT = "60s"


@dataclass(frozen=True)
class Load:
    """What one run of the load tool found.

    Attributes:
        requests: Answered requests.
        seconds: How long it took.
        p50: Median of the answer times, ms; likewise `p99` and `p99_9`.
        failed: Requests without an answer, or with one of a status above 399.
        cpu: Seconds of processor time that the load tool itself took.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    p99_9: float
    failed: int
    cpu: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def check_tools() -> None:
    """Check that what measures is installed.

    Raises:
        SystemExit: If it is not; says how to get it.
    """
    packages = {"wrk": "wrk", "taskset": "util-linux"}
    for program, package in packages.items():
        if shutil.which(program) is None:
            raise SystemExit(
                f"Error: `{program}`, which measures, is not installed. Debian, Ubuntu: "
                f"apt install {package}; Fedora: dnf install {package}"
            )


def put_load(url: str, bodies: Path, connections: int, seconds: float, cores: str) -> Load:
    """Send requests from some connections for some seconds.

    Args:
        url: Where to POST.
        bodies: A file of bodies, one a line.
        connections: How many wait for an answer at any time.
        seconds: How long; whole seconds.
        cores: Where the load tool runs, as taskset takes it.
    """
    script = bodies.with_name("load.lua")
    script.write_text(SCRIPT)
    command = ["taskset", "-c", cores, "wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s"]
    command += ["--timeout", TIMEOUT, "-s", str(script), url, "--", str(bodies)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"wrk failed: {done.stderr or done.stdout}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return parse(done.stdout, cpu)


def parse(printed: str, cpu: float) -> Load:
    """Read what wrk printed.

    Args:
        printed: Its output, of which the last line is the script's.
        cpu: Seconds of processor time that it took.

    Raises:
        SystemExit: If the script's line is not there.
    """
    last = (printed.strip().splitlines() or [""])[-1]
    if not last.startswith("{"):
        raise SystemExit(f"wrk did not tell its figures: {printed[-500:]}")
    found = json.loads(last)
    return Load(
        requests=found["requests"],
        seconds=found["microseconds"] / 1e6,
        **{name: found[name] / 1e3 for name in ("p50", "p99", "p99_9")},
        failed=found["refused"] + found["broken"],
        cpu=cpu,
    )
