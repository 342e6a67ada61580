"""As strict about _bulk as Elasticsearch 8 and OpenSearch 2 are; keeps documents by index and ID.

Settings: "user"/"password" or "apiKey": who is let in. "distribution", "version": what / says.
"maximumBytes": http.max_content_length. "dataStreams": names that are data streams.
Faults: "items": {"3": "429" | "mapper" | "shards" | "404" | "403" | "503"}: what becomes of the
fourth document; "drop": items left out of the answer; "swap": the answer's first two items change
places.
"""
import base64
import json
import re

from receiver import Receiver

FORBIDDEN = set('\\/*?"<>| ,#:')


def index_problem(name):
    if name != name.lower():
        return "must be lowercase"
    if name in ("", ".", "..") or name[0] in "-_+":
        return "must not start with '_', '-', or '+'"
    if FORBIDDEN & set(name):
        return "must not contain the following characters"
    if len(name.encode()) > 255:
        return "index name is too long"
    return None


ERRORS = {
    "429": (429, "es_rejected_execution_exception", "rejected execution of coordinating operation"),
    "503": (503, "unavailable_shards_exception", "primary shard is not active"),
    "mapper": (400, "document_parsing_exception", "failed to parse field [dest_port] of type [long]"),
    "shards": (400, "validation_exception", "this action would add [2] shards, but this cluster "
               "currently has [1000]/[1000] maximum normal shards open;"),
    "404": (404, "index_not_found_exception", "no such index and [action.auto_create_index] is off"),
    "403": (403, "cluster_block_exception", "index blocked by: [FORBIDDEN/8/index write (api)];"),
}


def unique(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("duplicate field")
    return dict(pairs)


class Elasticsearch(Receiver):
    data_path = "/_bulk"

    def __init__(self):
        super().__init__()
        self.documents = {}
        self.templates = {}
        self.conflicts = 0
        self.queries = []

    def state(self):
        return {"documents": self.documents, "templates": self.templates,
                "conflicts": self.conflicts}

    @staticmethod
    def error(status, kind, reason, **headers):
        body = {"error": {"type": kind, "reason": reason}, "status": status}
        return status, dict(headers, **{"Content-Type": "application/json"}), json.dumps(body).encode()

    def is_known(self, headers):
        given = headers.get("authorization")
        if "apiKey" in self.settings:
            return given == "ApiKey " + self.settings["apiKey"]
        if "user" in self.settings:
            pair = self.settings["user"] + ":" + self.settings["password"]
            return given == "Basic " + base64.b64encode(pair.encode()).decode()
        return given is None

    def take(self, method, path, headers, body, fault):
        path, _, query = path.partition("?")
        if not self.is_known(headers):
            return self.error(401, "security_exception", "unable to authenticate user")
        if method == "GET" and path == "/":
            if self.settings.get("mayNotAsk"):
                return self.error(403, "security_exception", "action [cluster:monitor/main] is unauthorized")
            version = {"number": self.settings.get("version", "8.15.3")}
            if "distribution" in self.settings:
                version["distribution"] = self.settings["distribution"]
            else:
                version["build_flavor"] = "default"
            return 200, {}, json.dumps(
                {"name": "n", "cluster_name": "test", "version": version}).encode()
        if method == "PUT" and path.startswith("/_index_template/"):
            if headers.get("content-type") != "application/json":
                return self.error(406, "content_type_header_exception", "not supported")
            template = json.loads(body)
            unknown = set(template) - {"index_patterns", "template", "composed_of", "priority",
                                       "version", "_meta", "data_stream", "allow_auto_create"}
            if unknown:
                return self.error(400, "x_content_parse_exception", f"unknown field {unknown}")
            self.templates[path.rsplit("/", 1)[1]] = template
            return 200, {}, b'{"acknowledged":true}'
        if method == "POST" and path == "/_bulk":
            return self.bulk(query, headers, body, fault)
        self.violation(f"{method} {path}")
        return self.error(405, "method_not_allowed", path)

    def bulk(self, query, headers, body, fault):
        self.queries.append(query)
        if headers.get("content-type") not in ("application/x-ndjson", "application/json"):
            self.violation("content type " + str(headers.get("content-type")))
            return self.error(406, "content_type_header_exception", "Content-Type is not supported")
        if len(body) > self.settings.get("maximumBytes", 100 << 20):
            return 413, {}, b""
        if not body.endswith(b"\n"):
            self.violation("no line end at the end")
            return self.error(400, "illegal_argument_exception",
                              "The bulk request must be terminated by a newline [\\n]")
        lines = body[:-1].split(b"\n")
        if len(lines) % 2:
            self.violation("an action without its document")
            return self.error(400, "illegal_argument_exception", "Malformed action/metadata line")
        items = []
        try:
            for place in range(0, len(lines), 2):
                items.append(self.item(place // 2, json.loads(lines[place], object_pairs_hook=unique),
                                       lines[place + 1], fault))
        except (ValueError, KeyError, TypeError) as error:
            self.violation(f"line: {error}")
            return self.error(400, "illegal_argument_exception", f"Malformed action/metadata line {error}")
        errors = any("error" in item["create"] for item in items)
        if "swap" in fault:
            items[0], items[1] = items[1], items[0]
        items = items[:len(items) - fault.get("drop", 0)]
        filters = dict(re.findall(r"(\w+)=([^&]*)", query)).get("filter_path", "")
        if filters:
            items = [{"create": self.filtered(item["create"], filters)} for item in items]
        return 200, {"Content-Type": "application/json"}, json.dumps(
            {"errors": errors, "items": items}, separators=(",", ":")).encode()

    @staticmethod
    def filtered(result, filters):
        """What filter_path=items.*.… leaves of an item."""
        names = [part.split(".")[2:] for part in filters.split(",") if part.startswith("items.*.")]
        kept = {}
        for name in names:
            if len(name) == 1 and name[0] in result:
                kept[name[0]] = result[name[0]]
            elif len(name) > 1 and name[1] in result.get(name[0], {}):
                kept.setdefault(name[0], {})[name[1]] = result[name[0]][name[1]]
        return kept

    def item(self, place, action, line, fault):
        if list(action) != ["create"]:
            raise ValueError(f"action {list(action)}")
        meta = action["create"]
        if set(meta) != {"_index", "_id"}:
            raise ValueError(f"parameters {sorted(meta)}")
        index, identifier = meta["_index"], meta["_id"]

        def failed(status, kind, reason):
            return {"create": {"_index": index, "_id": identifier, "status": status,
                               "error": {"type": kind, "reason": reason}}}

        if len(identifier.encode()) > 512:
            self.violation("an _id longer than 512 bytes")
            return failed(400, "illegal_argument_exception", "id is too long")
        problem = index_problem(index)
        if problem:
            self.violation(f"index {index}: {problem}")
            return failed(400, "invalid_index_name_exception", f"Invalid index name [{index}], {problem}")
        document = json.loads(line, object_pairs_hook=unique)
        if not isinstance(document, dict):
            raise ValueError("no object")
        wanted = fault.get("items", {}).get(str(place))
        if wanted:
            return failed(*ERRORS[wanted])
        if document.get("poison"):
            return failed(*ERRORS["mapper"])
        if index in self.settings.get("dataStreams", []) and "@timestamp" not in document:
            self.violation("no @timestamp for a data stream")
            return failed(400, "illegal_argument_exception", "data stream timestamp field [@timestamp] is missing")
        time = document.get("@timestamp")
        if time and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", time):
            self.violation(f"@timestamp {time}")
        there = self.documents.setdefault(index, {})
        if identifier in there:
            self.conflicts += 1
            return failed(409, "version_conflict_engine_exception",
                          f"[{identifier}]: version conflict, document already exists")
        there[identifier] = document
        return {"create": {"_index": index, "_id": identifier, "_version": 1, "result": "created",
                           "_shards": {"total": 2, "successful": 1, "failed": 0}, "status": 201}}


Elasticsearch().run()
