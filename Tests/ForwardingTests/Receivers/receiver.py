"""What the strict receivers share: an HTTP server that the tests can disturb.

usage: <receiver>.py [--certificate FILE --key FILE] [--client-authority FILE]

Prints {"port": …, "control": …} and serves until its standard input ends. The control port takes
  POST /faults   a list; each one is used for one request to the data port, in order
  POST /set      settings of the receiver, merged
  POST /listen   {"on": false} closes the data port and its connections; true opens it again
  GET  /state    what was received, and in "violations" what the real server would not have taken

Faults: {"status", "headers", "body"}: this answer, and nothing is taken. {"hang": true}: no answer.
{"reset": true}: the connection is reset in the middle of the request. {"early": status}: answered
and closed before the body was read. After taking the request: {"cut": bytes}: only so much of the
answer, {"silent": true}: closed without an answer, {"answer": text}: this body in place of it,
{"slow": seconds}: the answer takes so long. {"pass": true}: nothing.
Whatever else a fault has is for the receiver itself.
"""
import argparse
import gzip
import json
import socket
import ssl
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        # Clients that go away are what the tests make.
        pass


class Receiver:
    """One receiver's state; subclasses give take()."""

    def __init__(self):
        self.lock = threading.Lock()
        self.faults = []
        self.settings = {}
        self.violations = []
        self.requests = []
        self.connections = set()
        self.accepted = 0
        self.options = None
        self.server = None
        self.port = 0

    def state(self):
        return {}

    def violation(self, text):
        self.violations.append(text)

    def take(self, method, path, headers, body, fault):
        """Takes a request: (status, headers, body)."""
        raise NotImplementedError

    # The data port

    def open(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # An answer's header and body in one segment.
            wbufsize = -1
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                with receiver.lock:
                    receiver.connections.add(self.connection)
                    receiver.accepted += 1

            def finish(self):
                with receiver.lock:
                    receiver.connections.discard(self.connection)
                super().finish()

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                receiver.serve(self, "GET")

            def do_POST(self):
                receiver.serve(self, "POST")

            def do_PUT(self):
                receiver.serve(self, "PUT")

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        if self.options.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.options.certificate, self.options.key)
            if self.options.client_authority:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.options.client_authority)
            # The handshake is the handler's thread's, so that one bad client holds nobody up.
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            open_now = list(self.connections)
        for connection in open_now:
            self.reset(connection)

    @staticmethod
    def reset(connection):
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        except OSError:
            pass

    def serve(self, handler, method):
        headers = {name.lower(): value for name, value in handler.headers.items()}
        length = int(headers.get("content-length", "0"))
        with self.lock:
            # Only what carries records is disturbed, unless a fault says which path it is for.
            fault = {}
            if self.faults and self.faults[0].get("path", self.data_path) in handler.path:
                fault = self.faults.pop(0)
        if "early" in fault:
            handler.close_connection = True
            self.answer(handler, fault["early"], {"Connection": "close"}, b"too large", {})
            handler.wfile.flush()
            return
        if "reset" in fault:
            handler.rfile.read(length // 2)
            handler.close_connection = True
            handler.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            return
        body = handler.rfile.read(length)
        if fault.get("hang"):
            # Until the client gives up.
            handler.connection.recv(1)
            handler.close_connection = True
            return
        wire = body
        if "content-encoding" in headers:
            if headers["content-encoding"] != "gzip":
                self.violation("a content encoding that is not gzip")
            body = gzip.decompress(body)
        if "transfer-encoding" in headers:
            self.violation("chunked")
        with self.lock:
            self.requests.append({
                "method": method, "path": handler.path, "headers": headers, "bytes": len(wire),
                "body": body.decode("utf-8", "replace") if self.settings.get("keep") else None})
            if "status" in fault:
                status, extra, result = (
                    fault["status"], fault.get("headers", {}), fault.get("body", "").encode())
            else:
                status, extra, result = self.take(method, handler.path, headers, body, fault)
                self.wire(headers, wire)
        if fault.get("silent"):
            handler.close_connection = True
            return
        if "answer" in fault:
            result = fault["answer"].encode()
        self.answer(handler, status, extra, result, fault)

    def wire(self, headers, body):
        """The body as it came, for signatures."""

    @staticmethod
    def answer(handler, status, extra, result, fault):
        handler.send_response(status)
        for name, value in extra.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(result)))
        handler.end_headers()
        if "slow" in fault:
            pieces = 5
            for piece in range(pieces):
                threading.Event().wait(fault["slow"] / pieces)
                start, end = (len(result) * n // pieces for n in (piece, piece + 1))
                handler.wfile.write(result[start:end])
                handler.wfile.flush()
            return
        if "cut" in fault:
            handler.close_connection = True
            result = result[:fault["cut"]]
        handler.wfile.write(result)

    # The control port

    def control(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def log_message(self, *arguments):
                pass

            def reply(self, value):
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                with receiver.lock:
                    self.reply(dict(receiver.state(), violations=receiver.violations,
                                    requests=receiver.requests, accepted=receiver.accepted,
                                    unusedFaults=len(receiver.faults)))

            def do_POST(self):
                value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/faults":
                    with receiver.lock:
                        receiver.faults += value
                elif self.path == "/set":
                    with receiver.lock:
                        receiver.settings.update(value)
                elif value["on"]:
                    receiver.open()
                else:
                    receiver.close()
                self.reply({})

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server.server_address[1]

    def run(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("--certificate")
        parser.add_argument("--key")
        parser.add_argument("--client-authority")
        self.options = parser.parse_args()
        self.open()
        print(json.dumps({"port": self.port, "control": self.control()}), flush=True)
        sys.stdin.read()
