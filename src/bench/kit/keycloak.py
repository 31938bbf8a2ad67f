"""Keycloak: its distribution from Maven Central in production mode, with the realm in src/bench/keycloak."""

import concurrent.futures
import json
import shutil
import urllib.parse
import zipfile

from kit import process
from kit.client import Client
from kit.contender import LOGINS_AT_ONCE, Contender, Request
from kit.workplace import Workplace, free_port

VERSION = "26.7.3"
DISTRIBUTION = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"

# options that are fixed when the distribution is built; the rest is read when it starts
BUILD_OPTIONS = ("--db=postgres",)

# as in realm.json
TOKEN_PATH = "/realms/bench/protocol/openid-connect/token"
CLIENT = {"client_id": "bench", "client_secret": "bench-secret"}

# seconds; it makes a hundred tables then
LONGEST_FIRST_START = 600

ADMINISTRATOR = "admin"
PASSWORD = "bench-password"


class Keycloak(Contender):
    """
    workplace  where things are
    name       "keycloak", or another for a variant, which is also the name of its database
    settings   further environment variables for the server, such as KC_DB_POOL_MAX_SIZE or JAVA_OPTS_KC_HEAP
    """

    def __init__(self, workplace: Workplace, name: str = "keycloak", settings: dict = None):
        self.workplace = workplace
        self.name = name
        self.settings = {"KC_CACHE": "local", **(settings or {})}
        self.options = " ".join(f"{key}={value}" for key, value in self.settings.items())
        self.home = workplace.downloads / f"keycloak-{VERSION}"
        self.users = 0

    def prepare(self) -> None:
        """Fetches the distribution with Maven, unpacks it and builds it for PostgreSQL, each once."""
        if self.home.exists():
            return
        print(f"Fetching and building Keycloak {VERSION} …", flush=True)
        downloads = self.workplace.downloads
        process.run(["./mvnw", "-q", "-B", "dependency:copy", f"-Dartifact={DISTRIBUTION}", f"-DoutputDirectory={downloads}"],
                    self.workplace.project)
        # under another name, so that a run which is broken off here leaves nothing that looks complete
        unfinished = downloads / "keycloak-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        packed = downloads / f"keycloak-quarkus-dist-{VERSION}.zip"
        with zipfile.ZipFile(packed) as distribution:
            distribution.extractall(unfinished)
        packed.unlink()
        built = unfinished / f"keycloak-{VERSION}"
        process.run(["sh", "bin/kc.sh", "build", *BUILD_OPTIONS], built, self._java())
        built.rename(self.home)
        unfinished.rmdir()

    def start(self, postgres) -> None:
        """If its database is empty, it is started twice, and what counts is how long the second time takes."""
        self.database = postgres.database(self.name)
        if self.database.value("SELECT to_regclass('realm') IS NULL") == "t":
            # where --import-realm looks
            imports = self.home / "data" / "import"
            imports.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.workplace.kit / "keycloak" / "realm.json", imports)
            self._start("--import-realm", longest=LONGEST_FIRST_START)
            self.stop()
        self._start()

    def _start(self, *options: str, longest: float = process.LONGEST_START) -> None:
        self.port = free_port()
        environment = {
            "KC_DB_URL": self.database.jdbc_url, "KC_DB_USERNAME": self.database.user,
            "KC_DB_PASSWORD": self.database.password, "KC_HTTP_ENABLED": "true", "KC_HTTP_HOST": "127.0.0.1",
            "KC_HTTP_PORT": str(self.port), "KC_HOSTNAME": f"http://127.0.0.1:{self.port}",
            # makes this administrator if there is none
            "KC_BOOTSTRAP_ADMIN_USERNAME": ADMINISTRATOR, "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
            **self._java(), **self.settings}
        self.server = process.start_process(
            ["sh", "bin/kc.sh", "start", "--optimized", *options], self.workplace.logs / f"{self.name}.log", environment,
            self.home)
        self.ready_seconds = process.wait_until_ready(self.server, f"http://127.0.0.1:{self.port}/realms/bench", longest)

    def _java(self) -> dict:
        return {"JAVA_HOME": str(self.workplace.java_home)}

    def first_tokens(self, count: int) -> list:
        self._add_users(count)

        def log_in(number: int) -> str:
            return self._tokens(Client(self.port), TOKEN_PATH, {**CLIENT, "username": f"user{number}"})["refresh_token"]

        with concurrent.futures.ThreadPoolExecutor(LOGINS_AT_ONCE) as pool:
            return list(pool.map(log_in, range(count)))

    def _add_users(self, count: int) -> None:
        """Makes users until there are so many, with Keycloak's administration interface."""
        if count <= self.users:
            return
        # a user without an address and names would have to complete the profile before the first login
        users = [{"username": f"user{number}", "email": f"user{number}@example.org", "firstName": "User",
                  "lastName": str(number), "enabled": True, "credentials": [{"type": "password", "value": PASSWORD}]}
                 for number in range(self.users, count)]
        client = Client(self.port, timeout=120)
        token = self._tokens(client, "/realms/master/protocol/openid-connect/token",
                             {"client_id": "admin-cli", "username": ADMINISTRATOR})["access_token"]
        status, text = client.call(
            "POST", "/admin/realms/bench/partialImport", json.dumps({"ifResourceExists": "SKIP", "users": users}),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
        if status != 200:
            raise RuntimeError(f"{self.name}: users could not be made: {status} {text}")
        self.users = count

    def _tokens(self, client: Client, path: str, fields: dict) -> dict:
        """Gets tokens by a direct grant; returns the members of the answer. Raises RuntimeError."""
        status, text = client.post_form(path, {"grant_type": "password", "password": PASSWORD, **fields})
        if status != 200:
            raise RuntimeError(f"{self.name}: no tokens for {fields['username']}: {status} {text}")
        return json.loads(text)

    def request(self) -> Request:
        return Request(TOKEN_PATH, "application/x-www-form-urlencoded", "grant_type=refresh_token&refresh_token=",
                       "&" + urllib.parse.urlencode(CLIENT))
