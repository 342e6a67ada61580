#!/usr/bin/env python3
"""Clients of the control plane, all at once: each asks one question after the other, cheap ones and costly
ones, and a tenth of them change a filter rule. Prints what was asked and how long answers took, as JSON.
"""

import argparse
import json
import random
import selectors
import socket
import sys
import time

# How often of a hundred; those that look through every flow are rare, as with people.
QUESTIONS = [
    (50, "stats.get", {}), (15, "engine.status", {}), (10, "filter.list", {}),
    (10, "tuning.get", {}), (9, "ports.list", {}), (3, "flows.top", {"count": 20}),
    (3, "flows.list", {"where": "proto == tcp", "limit": 20}),
]
CHANGERS = 10


class Client:
    def __init__(self, number, path):
        self.number = number
        self.random = random.Random(number)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.text = b""
        self.due = time.monotonic() + self.random.random()
        self.asked = None
        self.has_rule = False

    def question(self):
        if self.number < CHANGERS and self.random.random() < 0.2:
            self.has_rule = not self.has_rule
            name = f"client-{self.number}"
            if self.has_rule:
                # Catches nothing that the generator sends.
                return "filter.add", {"name": name, "expression": f"udp port {50000 + self.number} and ip[8] = 1"}
            return "filter.remove", {"name": name}
        pick = self.random.randrange(100)
        for share, method, params in QUESTIONS:
            pick -= share
            if pick < 0:
                return method, params
        return "stats.get", {}

    def ask(self):
        method, params = self.question()
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        self.asked = (method, time.monotonic())

    def read(self):
        """The method, seconds and error of an answer that is whole; None before."""
        part = self.socket.recv(1 << 18)
        if not part:
            raise OSError("the connection was closed")
        self.text += part
        if not self.text.endswith(b"\n"):
            return None
        method, began = self.asked
        answer = json.loads(self.text)
        self.text = b""
        self.asked = None
        return method, time.monotonic() - began, answer.get("error")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", required=True, help="martletd's control socket")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--pause", type=float, default=1, help="seconds between two questions (1)")
    options = parser.parse_args()
    clients = [Client(number, options.socket) for number in range(options.clients)]
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    taken, errors = {}, []
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        now = time.monotonic()
        for client in clients:
            if client.asked is None and client.due <= now:
                client.ask()
        for key, _ in selector.select(0.005):
            answer = key.data.read()
            if answer:
                method, seconds, error = answer
                taken.setdefault(method, []).append(seconds)
                if error:
                    errors.append(f"{method}: {error['message']}")
                key.data.due = time.monotonic() + options.pause * (0.5 + key.data.random.random())
    result = {"clients": options.clients, "errors": errors[:10], "methods": {}}
    for method, seconds in sorted(taken.items()):
        seconds.sort()
        result["methods"][method] = {
            "calls": len(seconds), "medianMilliseconds": seconds[len(seconds) // 2] * 1e3,
            "p99Milliseconds": seconds[min(len(seconds) - 1, len(seconds) * 99 // 100)] * 1e3,
            "longestMilliseconds": seconds[-1] * 1e3,
        }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
