"""Where things are: the project, the folders that outlive a run and those that don't, programs, free ports."""

import os
import pathlib
import shutil
import socket


class Workplace:
    """
    project    the root of Latchkey's source
    results    target/bench: what a run leaves
    downloads  target/bench/downloads: what is fetched or built once and used by later runs
    logs       target/bench/logs: what the services print; emptied by each run
    kit        src/bench
    """

    def __init__(self, project: pathlib.Path):
        self.project = project
        self.kit = project / "src" / "bench"
        self.results = project / "target" / "bench"
        self.downloads = self.results / "downloads"
        self.logs = self.results / "logs"
        for folder in (self.results, self.downloads):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir()

    @property
    def java_home(self) -> pathlib.Path:
        """The JDK: JAVA_HOME if it is set, otherwise the one that the java on the PATH belongs to."""
        if os.environ.get("JAVA_HOME"):
            return pathlib.Path(os.environ["JAVA_HOME"])
        found = shutil.which("java")
        if found is None:
            raise RuntimeError("there is no java on the PATH")
        return pathlib.Path(found).resolve().parent.parent

    @property
    def java(self) -> pathlib.Path:
        """The program java of that JDK."""
        return self.java_home / "bin" / "java"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
