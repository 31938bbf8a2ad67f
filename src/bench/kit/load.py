"""Load over HTTP: wrk with one of the kit's Lua scripts, one thread for each connection."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from kit.contender import Request

LUA = pathlib.Path(__file__).parent


class Outcome:
    """
    What a load came to.

    sent        requests that were made; the last of them are not answered any more when a load ends
    answered    requests that were answered
    errors      those of them that were not answered as wanted, and connections that failed
    complaint   the first such answer; "" if there is none
    seconds     how long it ran
    samples     [(time of day of the answer in seconds, milliseconds it took)], in the order of time
    tool_p99    the 99th percentile in ms as the load's own program reports it
    cpu         processor seconds that the load's own program used
    refused     requests that the service had no time for, and said so; no errors
    """

    def __init__(self, sent: int, answered: int, errors: int, complaint: str, seconds: float, samples: list, tool_p99: float,
                 cpu: float, refused: int = None):
        self.sent = sent
        self.answered = answered
        self.errors = errors
        self.complaint = complaint
        self.seconds = seconds
        self.samples = sorted(samples)
        self.tool_p99 = tool_p99
        self.cpu = cpu
        self.refused = refused

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds if self.seconds else 0.0

    def percentile(self, percent: float, since: float = 0, until: float = float("inf")) -> float:
        """Milliseconds that so many percent of the answers took at most; only of those between two times of day."""
        return percentile([took for at, took in self.samples if since <= at <= until], percent)


def percentile(values: list, percent: float) -> float:
    """The smallest value that is not less than so many percent of them; 0 if there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, int(len(ordered) * percent / 100 + 0.999999) - 1))]


class Wrk:
    """
    A run of wrk against 127.0.0.1, which goes on until finish() is called or the seconds are over.

    script   "chain", "forged" or "login"
    port     where the service listens
    lines    what each thread gets: a token, or a body; as many threads and connections
    seconds  how long
    request  how a refresh is asked for; only for "chain"
    """

    def __init__(self, script: str, port: int, lines: list, seconds: int, request: Request = None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-bench-wrk-"))
        (self.folder / "input").write_text("".join(line + "\n" for line in lines))
        environment = {
            "KIT_LUA": str(LUA), "KIT_INPUT": str(self.folder / "input"), "KIT_SAMPLES": str(self.folder / "samples"),
            "KIT_SUMMARY": str(self.folder / "summary")}
        if request:
            environment |= {
                "KIT_PATH": request.path, "KIT_CONTENT_TYPE": request.content_type, "KIT_BEFORE": request.before,
                "KIT_AFTER": request.after,
                "KIT_HEADERS": "".join(f"{name}: {value}\n" for name, value in request.headers.items())}
        count = str(len(lines))
        self.output = open(self.folder / "output", "w+")
        self.popen = subprocess.Popen(
            ["wrk", "-t", count, "-c", count, "-d", f"{seconds}s", "--timeout", "30s", "--latency",
             "-s", LUA / f"{script}.lua", f"http://127.0.0.1:{port}"],
            env={**os.environ, **environment}, stdout=self.output, stderr=subprocess.STDOUT)
        self.started = time.time()

    def finish(self, at_once: bool = False) -> Outcome:
        """Waits for its end, or ends it at once, and returns what it came to. Raises RuntimeError if wrk itself fails."""
        if at_once:
            self.popen.send_signal(2)
        _, status, usage = os.wait4(self.popen.pid, 0)
        self.popen.returncode = os.waitstatus_to_exitcode(status)
        self.output.seek(0)
        printed = self.output.read()
        self.output.close()
        try:
            summary = json.loads((self.folder / "summary").read_text())
            lines = (self.folder / "samples").read_text().splitlines()
        except FileNotFoundError:
            raise RuntimeError(f"wrk failed: {printed}") from None
        finally:
            shutil.rmtree(self.folder)
        return Outcome(
            summary["sent"], summary["answered"], summary["wrong"] + summary["socket_errors"], summary["complaint"],
            summary["seconds"], [(int(at) / 1e6, int(took) / 1e3) for at, took in map(str.split, filter(None, lines))],
            summary["p99_ms"], usage.ru_utime + usage.ru_stime)


def chain(contender, tokens: list, seconds: int) -> Wrk:
    """Starts chains of refreshes, one for each token, each on a connection of its own."""
    return Wrk("chain", contender.port, tokens, seconds, contender.request())
