"""A webhook's server: verifies signatures as the manual's example does, and keeps records by ID.

Settings: "secret"; "maximumBytes"; "maximumRecords"; "needs": headers that must be there.
"""
import hashlib
import hmac
import json
import time

from receiver import Receiver


def verify(secret, header, body, tolerance=300):
    parts = dict(part.split("=", 1) for part in header.split(","))
    if abs(time.time() - int(parts["t"])) > tolerance:
        return False
    expected = hmac.new(secret, parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"])


class Webhook(Receiver):
    data_path = "/hook"

    def __init__(self):
        super().__init__()
        self.records = {}
        self.doubled = 0
        self.batches = []
        self.signed = 0

    def state(self):
        return {"records": self.records, "doubled": self.doubled, "batches": self.batches,
                "signed": self.signed}

    def wire(self, headers, body):
        if "secret" not in self.settings:
            return
        if verify(self.settings["secret"].encode(), headers.get("martlet-signature", "t=0,v1="), body):
            self.signed += 1
        else:
            self.violation("signature")

    def take(self, method, path, headers, body, fault):
        if path not in ("/hook", "/hook/"):
            return 404, {}, b"not here"
        for name, value in self.settings.get("needs", {}).items():
            if headers.get(name) != value:
                return 401, {}, b"who are you?"
        if len(body) > self.settings.get("maximumBytes", 1 << 30):
            return 413, {}, b""
        kind = headers.get("content-type")
        if kind == "application/json":
            records = json.loads(body)
        elif kind == "application/x-ndjson" and body.endswith(b"\n"):
            records = [json.loads(line) for line in body[:-1].split(b"\n")]
        else:
            self.violation(f"content type {kind}")
            return 415, {}, b""
        if len(records) > self.settings.get("maximumRecords", 1 << 30):
            return 413, {}, b""
        if int(headers["martlet-records"]) != len(records):
            self.violation("Martlet-Records")
        if any(record.get("poison") for record in records):
            return 400, {}, b"poison"
        if self.settings.get("takesNothing"):
            return 400, {}, b"this is something else"
        self.batches.append(headers["martlet-batch"])
        for record in records:
            if record["martlet_id"] in self.records:
                self.doubled += 1
            self.records[record["martlet_id"]] = record
        return 204, {}, b""


Webhook().run()
