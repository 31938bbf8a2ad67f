"""Logins at a steady rate, whether or not the service keeps up with them."""

import queue
import threading
import time

from kit.client import Client
from kit.load import Outcome

WORKERS = 48


class SteadyLogins:
    """
    Starts so many logins a second, at even distances, until the seconds are over. A login's time counts from the moment that
    it was due. More than WORKERS at once wait for a free worker, which counts too.
    """

    def __init__(self, contender, rate: int, seconds: int):
        self.contender = contender
        self.seconds = seconds
        self.due = queue.Queue()
        self.granted, self.refused, self.other = [], 0, []
        self.lock = threading.Lock()
        self.workers = [threading.Thread(target=self._work) for _ in range(WORKERS)]
        self.rate = rate
        self.started = time.time()
        for worker in self.workers:
            worker.start()
        self.clock = threading.Thread(target=self._tick)
        self.clock.start()

    def _tick(self) -> None:
        for number in range(self.rate * self.seconds):
            due = self.started + number / self.rate
            time.sleep(max(0.0, due - time.time()))
            self.due.put((due, number))
        for _ in self.workers:
            self.due.put(None)

    def _work(self) -> None:
        client = Client(self.contender.port)
        while (job := self.due.get()) is not None:
            due, number = job
            body = self.contender.login_body(number % len(self.contender.users))
            status, text = client.call("POST", "/api/auth/login", body, {"Content-Type": "application/json"})
            now = time.time()
            with self.lock:
                if status == 200:
                    self.granted.append((now, (now - due) * 1000))
                elif status == 503:
                    self.refused += 1
                else:
                    self.other.append(f"{status} {text}")

    def finish(self) -> Outcome:
        """Waits until all logins are answered. Refused ones (503) are counted by themselves, and are no errors."""
        for thread in (self.clock, *self.workers):
            thread.join()
        answers = [at for at, _ in self.granted]
        took = max([self.seconds, *(at - self.started for at in answers)])
        return Outcome(
            self.rate * self.seconds, len(self.granted), len(self.other), self.other[0] if self.other else "", took,
            self.granted, 0, 0, self.refused)
