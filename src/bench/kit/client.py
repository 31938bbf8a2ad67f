"""A few calls over HTTP on kept connections, for what is not measured: users, logins, metrics."""

import http.client
import json
import urllib.parse


class Client:
    """One connection to 127.0.0.1, opened again when the server has closed it."""

    def __init__(self, port: int, timeout: float = 120):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def call(self, method: str, path: str, body: str = None, headers: dict = None) -> tuple:
        """Returns (status, body as text)."""
        for attempt in (1, 2):
            try:
                self.connection.request(method, path, body=body.encode() if body else None, headers=headers or {})
                answer = self.connection.getresponse()
                return answer.status, answer.read().decode()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.connection.close()
                if attempt == 2:
                    raise

    def post_json(self, path: str, members: dict) -> tuple:
        """Posts a JSON object; returns (status, body as text)."""
        return self.call("POST", path, json.dumps(members), {"Content-Type": "application/json"})

    def post_form(self, path: str, fields: dict, headers: dict = None) -> tuple:
        """Posts a form; returns (status, body as text)."""
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.call("POST", path, urllib.parse.urlencode(fields), form)
