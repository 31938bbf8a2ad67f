"""Spring Authorization Server: the application in src/bench/spring, built by Maven, with its sessions in PostgreSQL."""

import base64
import concurrent.futures
import hashlib
import http.client
import json
import re
import secrets
import urllib.parse

from kit import process
from kit.contender import LOGINS_AT_ONCE, Contender, Request
from kit.workplace import Workplace, free_port

# as in AuthorizationServer.java
CLIENT = "bench"
SECRET = "bench-secret"
REDIRECT = "http://127.0.0.1/signed-in"
AUTHORIZATION = {"Authorization": "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()}


class Spring(Contender):
    """
    workplace     where things are
    name          "spring", or another for a variant, which is also the name of its database
    java_options  options for the JVM
    """

    def __init__(self, workplace: Workplace, name: str = "spring", java_options: str = ""):
        self.workplace = workplace
        self.name = name
        self.java_options = java_options.split()
        self.options = " ".join(
            [*self.java_options, "16 threads, pool of 32, index on refresh_token_value, client secret not hashed"])
        self.source = workplace.kit / "spring"
        self.jar = workplace.downloads / "spring" / "spring.jar"

    def prepare(self) -> None:
        """Packages the application with Maven if its source is newer than the jar."""
        newest = max(file.stat().st_mtime for file in self.source.rglob("*"))
        if self.jar.exists() and self.jar.stat().st_mtime > newest:
            return
        print("Packaging Spring Authorization Server …", flush=True)
        process.run(["./mvnw", "-q", "-B", "-f", self.source / "pom.xml", "package"], self.workplace.project)

    def start(self, postgres) -> None:
        self.database = postgres.database(self.name)
        self.port = free_port()
        environment = {
            "SERVER_PORT": str(self.port), "SPRING_DATASOURCE_URL": self.database.jdbc_url,
            "SPRING_DATASOURCE_USERNAME": self.database.user, "SPRING_DATASOURCE_PASSWORD": self.database.password}
        self.server = process.start_process(
            [self.workplace.java, *self.java_options, "-jar", self.jar], self.workplace.logs / f"{self.name}.log",
            environment, self.workplace.logs)
        self.ready_seconds = process.wait_until_ready(self.server, f"http://127.0.0.1:{self.port}/oauth2/jwks")

    def first_tokens(self, count: int) -> list:
        with concurrent.futures.ThreadPoolExecutor(LOGINS_AT_ONCE) as pool:
            return list(pool.map(self._log_in, [f"user{number}" for number in range(count)]))

    def _log_in(self, user: str) -> str:
        """
        The authorization code flow with PKCE, as a browser and an application go through it: the login form, the code,
        the tokens. Returns the refresh token. Raises RuntimeError.
        """
        browser = Browser(self.port)
        hidden = re.search(r'name="_csrf"[^>]*value="([^"]+)"', browser.get("/login"))
        if hidden is None:
            raise RuntimeError(f"{self.name}: no login form")
        browser.post("/login", {"username": user, "password": SECRET, "_csrf": hidden.group(1)})
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        browser.get("/oauth2/authorize?" + urllib.parse.urlencode({
            "response_type": "code", "client_id": CLIENT, "redirect_uri": REDIRECT, "scope": "profile",
            "code_challenge": challenge, "code_challenge_method": "S256"}))
        code = urllib.parse.parse_qs(urllib.parse.urlparse(browser.location).query).get("code")
        if code is None:
            raise RuntimeError(f"{self.name}: no authorization code, but a redirection to {browser.location}")
        answer = browser.post("/oauth2/token", {
            "grant_type": "authorization_code", "code": code[0], "redirect_uri": REDIRECT, "code_verifier": verifier},
            AUTHORIZATION)
        return json.loads(answer)["refresh_token"]

    def request(self) -> Request:
        return Request("/oauth2/token", "application/x-www-form-urlencoded", "grant_type=refresh_token&refresh_token=",
                       headers=AUTHORIZATION)


class Browser:
    """
    One connection to 127.0.0.1 that keeps the session's cookie and follows no redirection.

    location  where the last answer redirects to; "" if it doesn't
    """

    def __init__(self, port: int):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookie = ""
        self.location = ""

    def get(self, path: str) -> str:
        """Returns the body."""
        return self._call("GET", path, None, {"Accept": "text/html"})

    def post(self, path: str, fields: dict, headers: dict = None) -> str:
        """Posts a form; returns the body."""
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._call("POST", path, urllib.parse.urlencode(fields), form)

    def _call(self, method: str, path: str, body: str, headers: dict) -> str:
        self.connection.request(method, path, body, {**headers, "Cookie": self.cookie})
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path} was answered with {answer.status}: {text}")
        if answer.getheader("Set-Cookie"):
            self.cookie = answer.getheader("Set-Cookie").split(";")[0]
        self.location = answer.getheader("Location", "")
        return text
