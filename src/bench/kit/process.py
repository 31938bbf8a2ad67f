"""Processes: started with a log, waited for, and what the kernel knows of their processor time, memory and connections."""

import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")
LONGEST_START = 180


class Process:
    """A service's process, its log, and when it was started (time.monotonic())."""

    def __init__(self, popen: subprocess.Popen, log: pathlib.Path, started: float):
        self.popen = popen
        self.log = log
        self.started = started

    @property
    def pid(self) -> int:
        return self.popen.pid

    def log_end(self, lines: int = 15) -> str:
        """The last lines of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, patience: float = 20) -> None:
        """Asks it and all that it started to end, and ends them if they don't."""
        for asked in (signal.SIGTERM, signal.SIGKILL):
            if self.popen.poll() is None:
                try:
                    os.killpg(self.popen.pid, asked)
                    self.popen.wait(patience)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue


def start_process(command: list, log: pathlib.Path, environment: dict, folder: pathlib.Path) -> Process:
    """
    Starts a command in a process group of its own.

    command      the program and its arguments
    log          file for its output; emptied first
    environment  variables on top of the kit's own ones
    folder       its working directory
    """
    with open(log, "wb") as output:
        started = time.monotonic()
        popen = subprocess.Popen(
            [str(part) for part in command], cwd=folder, env={**os.environ, **environment},
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    return Process(popen, log, started)


def run(command: list, folder: pathlib.Path, environment: dict = None) -> None:
    """Runs a command to its end, as start_process would. Raises RuntimeError, with the end of its output, if it fails."""
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")


def wait_until_ready(process: Process, address: str, longest: float = LONGEST_START) -> float:
    """
    Asks an http:// address again and again until it answers 200. Returns the seconds since the process was started.
    Raises RuntimeError, with the end of the log, if the process ends before or the time runs out.
    """
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return time.monotonic() - process.started
        except (urllib.error.URLError, OSError):
            pass
        if process.popen.poll() is not None:
            raise RuntimeError(f"{process.log.stem} ended while starting:\n{process.log_end()}")
        if time.monotonic() - process.started > longest:
            raise RuntimeError(f"{process.log.stem} is not ready after {longest} s:\n{process.log_end()}")
        time.sleep(0.01)


def with_descendants(pid: int) -> list:
    """The process and all that descend from it; [] if it is gone."""
    parents = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            fields = stat(int(folder.name))
            if fields:
                parents[int(folder.name)] = int(fields[1])
    found = [pid] if pid in parents else []
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def stat(pid: int) -> list:
    """The fields of /proc/PID/stat from the third one (the state) on; [] if the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2:].split()


def cpu_seconds(pids: list) -> float:
    """Processor time that these processes have used, and those of their children that have ended and were waited for."""
    ticks = 0
    for pid in pids:
        fields = stat(pid)
        if fields:
            # utime, stime, cutime, cstime: fields 14 to 17 of the file
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS


def machine_cpu_seconds() -> tuple:
    """Processor time of the whole machine since its start: (spent on anything, spent or idle)."""
    fields = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, idle, waiting, interrupts, soft_interrupts, stolen = (int(field) / TICKS for field in fields)
    busy = user + nice + system + interrupts + soft_interrupts + stolen
    return busy, busy + idle + waiting


def memory_bytes(pids: list) -> tuple:
    """Resident memory of these processes now, and the sum of the most that each has had: (VmRSS, VmHWM) in bytes."""
    now, most = 0, 0
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        resident = re.search(r"VmRSS:\s+(\d+) kB", text)
        highest = re.search(r"VmHWM:\s+(\d+) kB", text)
        now += int(resident.group(1)) * 1024 if resident else 0
        most += int(highest.group(1)) * 1024 if highest else 0
    return now, most


def data_segments_sent(pids: list, port: int) -> dict:
    """
    How many TCP segments with data these processes have sent to a port, by connection (its local address): from
    `ss -tinp`. On the loopback interface a segment carries up to 64 kB, so one write of a request is one segment.
    """
    listing = subprocess.run(
        ["ss", "-Htinp", "state", "established", f"( dport = :{port} )"], capture_output=True, text=True, check=True).stdout
    sent = {}
    connection = None
    for line in listing.splitlines():
        if not line[:1].isspace():
            owners = {int(pid) for pid in re.findall(r"pid=(\d+)", line)}
            connection = line.split()[2] if owners & set(pids) else None
        elif connection is not None:
            segments = re.search(r"data_segs_out:(\d+)", line)
            sent[connection] = int(segments.group(1)) if segments else 0
    return sent
