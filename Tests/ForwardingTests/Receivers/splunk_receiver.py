"""As strict as Splunk's HTTP Event Collector, with the codes of its documentation.

Settings: "token"; "indexes": which the token may write to; "ack": acknowledgement is switched on;
"ackAfter": how many questions later it is given, or "never"; "maximumBytes"; "busy".
"""
import json
import re
import uuid

from receiver import Receiver

TEXTS = {
    0: (200, "Success"), 2: (401, "Token is required"), 3: (401, "Invalid authorization"),
    4: (403, "Invalid token"), 5: (400, "No data"), 6: (400, "Invalid data format"),
    7: (400, "Incorrect index"), 9: (503, "Server is busy"), 10: (400, "Data channel is missing"),
    11: (400, "Invalid data channel"), 12: (400, "Event field is required"),
    13: (400, "Event field cannot be blank"), 14: (400, "ACK is disabled"),
    15: (400, "Error in handling indexed fields"), 17: (200, "HEC is healthy"),
}
KNOWN = {"time", "host", "source", "sourcetype", "index", "event", "fields"}


class Splunk(Receiver):
    data_path = "/services/collector/event"

    def __init__(self):
        super().__init__()
        self.events = []
        self.acks = {}
        self.questions = 0

    def state(self):
        return {"events": self.events, "questions": self.questions}

    @staticmethod
    def told(code, **more):
        status, text = TEXTS[code]
        return status, {"Content-Type": "application/json"}, json.dumps(
            {"text": text, "code": code, **more}).encode()

    def take(self, method, path, headers, body, fault):
        path = path.partition("?")[0]
        if method == "GET" and path == "/services/collector/health":
            return self.told(9) if self.settings.get("busy") else self.told(17)
        given = headers.get("authorization")
        if given is None:
            return self.told(2)
        if not given.startswith("Splunk "):
            return self.told(3)
        if given[len("Splunk "):] != self.settings.get("token"):
            return self.told(4)
        channel = headers.get("x-splunk-request-channel")
        if channel is not None:
            try:
                uuid.UUID(channel)
            except ValueError:
                return self.told(11)
        if method != "POST":
            return 405, {}, b""
        if path == "/services/collector/ack":
            return self.acknowledge(channel, body)
        if path != "/services/collector/event":
            return 404, {}, b'{"text":"The requested URL was not found on this server.","code":404}'
        if self.settings.get("ack") and channel is None:
            return self.told(10)
        if len(body) > self.settings.get("maximumBytes", 800 << 20):
            return 413, {}, b"Content-Length too large"
        return self.index(channel, body)

    def acknowledge(self, channel, body):
        self.questions += 1
        if not self.settings.get("ack"):
            return self.told(14)
        if channel is None:
            return self.told(10)
        answer = {}
        for number in json.loads(body)["acks"]:
            left = self.acks.get((channel, number))
            done = left == 0
            if done:
                # Told once, and forgotten.
                del self.acks[(channel, number)]
            elif left is not None and left != "never":
                self.acks[(channel, number)] = left - 1
            answer[str(number)] = done
        return 200, {}, json.dumps({"acks": answer}).encode()

    def index(self, channel, body):
        decoder = json.JSONDecoder(object_pairs_hook=self.unique)
        text = body.decode("utf-8")
        place = number = 0
        if not text.strip():
            return self.told(5)
        while True:
            while place < len(text) and text[place].isspace():
                place += 1
            if place == len(text):
                break
            try:
                event, place = decoder.raw_decode(text, place)
            except ValueError:
                self.violation("not JSON")
                return self.told(6, **{"invalid-event-number": number})
            code = self.problem(event, text)
            if code:
                # What stood before it is indexed.
                wrong = number + 1 if code == 7 else number
                return self.told(code, **{"invalid-event-number": wrong})
            self.events.append(event)
            number += 1
        if not self.settings.get("ack"):
            return self.told(0)
        ack = sum(1 for known in self.acks if known[0] == channel) + 100 * len(self.requests)
        self.acks[(channel, ack)] = self.settings.get("ackAfter", 0)
        return self.told(0, ackId=ack)

    @staticmethod
    def unique(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise ValueError("duplicate field")
        return dict(pairs)

    def problem(self, event, text):
        if not isinstance(event, dict):
            return 6
        if set(event) - KNOWN:
            self.violation(f"keys {set(event) - KNOWN}")
        if "event" not in event:
            return 12
        if event["event"] in (None, "", {}):
            return 13
        if not isinstance(event.get("time"), float):
            self.violation("a time that is no plain decimal")
            return 15
        if any(not isinstance(value, str) for value in event.get("fields", {}).values()):
            return 15
        indexes = self.settings.get("indexes")
        if "index" in event and indexes is not None and event["index"] not in indexes:
            return 7
        if isinstance(event["event"], dict) and event["event"].get("poison"):
            return 6
        if re.search(r'"time":\s*[0-9.]+[eE]', text):
            return 15
        return None


Splunk().run()
