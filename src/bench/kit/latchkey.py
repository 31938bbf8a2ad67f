"""Latchkey: the packaged jar, started as the README says, or the native executable, with the settings that the caller gives."""

import base64
import concurrent.futures
import json
import pathlib
import re
import secrets

from kit import process
from kit.contender import LOGINS_AT_ONCE, Contender, Request
from kit.client import Client
from kit.workplace import Workplace, free_port

JAR = "target/quarkus-app/quarkus-run.jar"
USER_PASSWORD = "correct horse battery staple"

NOT_SETTINGS = ("JAR", "JAVA_HOME", "JAVA_OPTIONS")


def build(workplace: Workplace) -> None:
    """Packages the jar if it is not there. Raises RuntimeError."""
    if (workplace.project / JAR).exists():
        return
    print("Packaging Latchkey (./mvnw -q -DskipTests package) …", flush=True)
    process.run(["./mvnw", "-q", "-DskipTests", "package"], workplace.project)


class Latchkey(Contender):
    """
    workplace   where things are
    name        "latchkey", or another for a variant
    executable  the native executable; None for the jar
    settings    environment variables for the service. JAR, JAVA_HOME and JAVA_OPTIONS are none of its settings: they say
                which jar runs, on which JDK, with which options
    database    name of its database; otherwise the contender's
    """

    def __init__(self, workplace: Workplace, name: str = "latchkey", executable: pathlib.Path = None,
                 settings: dict = None, database: str = None):
        settings = settings or {}
        self.name = name
        self.executable = executable
        self.all_settings = settings
        self.workplace = workplace
        self.settings = {key: value for key, value in settings.items() if key not in NOT_SETTINGS}
        self.options = " ".join(f"{key}={value}" for key, value in settings.items())
        self.database_name = database or name.replace("-", "_")
        self.secrets = {name: base64.b64encode(secrets.token_bytes(48)).decode()
                        for name in ("JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET")}
        self.users = []
        self.management_port = 0
        if executable:
            self.command = [executable.resolve()]
        else:
            java = pathlib.Path(settings.get("JAVA_HOME", workplace.java_home)) / "bin" / "java"
            jar = workplace.project / settings.get("JAR", JAR)
            archive = jar.with_name("latchkey.jsa")
            options = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
            self.command = [java, *options, *settings.get("JAVA_OPTIONS", "").split(), "-jar", jar]

    def again(self, database: str, settings: dict) -> "Latchkey":
        """Another one like this, with its own database and further settings."""
        return Latchkey(self.workplace, self.name, self.executable, {**self.all_settings, **settings}, database)

    def prepare(self) -> None:
        build(self.workplace)

    def start(self, postgres) -> None:
        self.database = postgres.database(self.database_name)
        self.port, self.management_port = free_port(), free_port()
        self.server = process.start_process(
            self.command, self.workplace.logs / f"{self.database_name}.log", self._environment(), self._folder())
        self.ready_seconds = process.wait_until_ready(
            self.server, f"http://127.0.0.1:{self.management_port}/q/health/ready")

    def migrate(self, postgres) -> None:
        """Makes the schema in its database without serving."""
        self.database = postgres.database(self.database_name)
        process.run([*self.command, "migrate"], self._folder(), self._environment())

    def _environment(self) -> dict:
        return {"DB_URL": self.database.jdbc_url, "DB_USER": self.database.user, "DB_PASSWORD": self.database.password,
                "HTTP_PORT": str(self.port), "MANAGEMENT_PORT": str(self.management_port), **self.secrets, **self.settings}

    def _folder(self) -> pathlib.Path:
        """A working directory without a .env, whose settings would be taken."""
        folder = self.workplace.logs / "empty"
        folder.mkdir(exist_ok=True)
        return folder

    def first_tokens(self, count: int) -> list:
        self.add_users(count)
        answers = self._at_once("/api/auth/login", self.users[:count], 200)
        return [answer["refresh_token"] for answer in answers]

    def add_users(self, count: int) -> None:
        """Registers users until there are so many."""
        missing = [{"email": f"user{number}@example.org", "password": USER_PASSWORD}
                   for number in range(len(self.users), count)]
        self._at_once("/api/auth/register", missing, 201)
        self.users += missing

    def _at_once(self, path: str, bodies: list, expected: int) -> list:
        """Posts each body, a few at once; returns the answers in the bodies' order. Raises RuntimeError."""
        def post(part: list) -> list:
            client = Client(self.port)
            answers = [client.post_json(path, body) for body in part]
            for status, text in answers:
                if status != expected:
                    raise RuntimeError(f"{self.name}: {path} was answered with {status}: {text}")
            return [json.loads(text) for _, text in answers]

        parts = [bodies[first::LOGINS_AT_ONCE] for first in range(LOGINS_AT_ONCE)]
        with concurrent.futures.ThreadPoolExecutor(LOGINS_AT_ONCE) as pool:
            answers = list(pool.map(post, parts))
        return [answers[place % LOGINS_AT_ONCE][place // LOGINS_AT_ONCE] for place in range(len(bodies))]

    def request(self) -> Request:
        return Request("/api/auth/refresh", "application/json", '{"refresh_token":"', '"}')

    def login_body(self, number: int) -> str:
        """What user `number` posts to /api/auth/login."""
        return json.dumps(self.users[number])

    def metrics(self) -> str:
        """The text of /q/metrics."""
        return Client(self.management_port).call("GET", "/q/metrics")[1]

    def allocated_bytes(self):
        text = self.metrics()
        until_collection = _sum(r"^jvm_gc_memory_allocated_bytes_total(?:\{[^}]*\})? (\S+)", text)
        since = _sum(r'^jvm_memory_used_bytes\{[^}]*id="[^"]*Eden Space"[^}]*\} (\S+)', text)
        return None if until_collection is None or since is None else until_collection + since

    def log(self) -> str:
        """All that it has printed since its start."""
        return self.server.log.read_text(errors="replace")


def _sum(pattern: str, text: str):
    found = re.findall(pattern, text, re.MULTILINE)
    return sum(map(float, found)) if found else None
