#!/usr/bin/env python3
"""Plays a prometheus_express board: its registry, its text and its HTTP server.

    python3 express.py [--port 0] [--namespace plant] [--fault NAME] [--seed N]

It says on its first line where it listens, "listening on 127.0.0.1:41234", and
takes commands on its standard input, a line each:

    fault NAME   from now on: none, reset, cut, silence, closed, values, raise
    reboot       all values begin anew, plant_boots rises by one
    dec N        plant_requests falls by N, as Counter.dec() does
    set X        plant_temp{probe="a"} is X, whatever that is: None, nan, 1e+22

The faults: reset resets the connection behind the body, cut within it; silence
never answers; closed closes without an answer; values shows None and True for
values; raise ends the server, as an exception in a handler does.

It has the ways of prometheus_express (https://github.com/ssube/prometheus_express)
on CPython: no newline at the end, families in the order of a set, label sets
named "None" before the real ones, _total in a summary, nothing escaped, values as
str() has them, one client at a time, one recv of 1,024 bytes, 404 for any query
and for HEAD, no answer to garbage, Connection: close. Standard library only.
"""

import argparse
import random
import socket
import struct
import sys
import threading
import time

NONE = "None"


class Metric:
    kind = "untyped"

    def __init__(self, name, help_text, labels=()):
        self.name, self.help, self.labels = name, help_text, list(labels)
        self.values = {}
        self.clear()

    def zero(self):
        return 0

    def clear(self):
        self.values = {tuple(NONE for _ in self.labels): self.zero()}

    def series(self, name, key, value):
        if not self.labels:
            return "%s %s" % (name, value)
        if len(key) != len(self.labels):
            raise ValueError("wrong number of labels")  # at render, not at inc
        pairs = ",".join('%s="%s"' % pair for pair in zip(self.labels, key))
        return "%s{%s} %s" % (name, pairs, value)

    def render(self, prefix):
        name = prefix + self.name
        yield "# HELP %s %s" % (name, self.help)
        yield "# TYPE %s %s" % (name, self.kind)
        for key, value in self.values.items():
            yield from self.lines(name, key, value)

    def lines(self, name, key, value):
        yield self.series(name, key, value)


class Gauge(Metric):
    kind = "gauge"

    def set(self, value, *key):
        self.values[key] = value


class Counter(Metric):
    kind = "counter"

    def inc(self, amount=1, *key):
        self.values[key] = self.values.get(key, 0) + amount

    def dec(self, amount=1, *key):
        self.values[key] = self.values.get(key, 0) - amount


class Summary(Metric):
    kind = "summary"

    def zero(self):
        return (0, 0)

    def observe(self, value, *key):
        count, total = self.values.get(key, (0, 0))
        self.values[key] = (count + 1, total + value)

    def lines(self, name, key, value):
        yield self.series(name + "_count", key, value[0])
        yield self.series(name + "_total", key, value[1])


class Board:
    def __init__(self, namespace, seed):
        self.prefix = namespace + "_" if namespace else ""
        self.boots = Counter("boots", "restarts since flash")
        self.requests = Counter("requests", 'requests served, "GET" \\ others')
        self.temp = Gauge("temp", "temperature", ["probe"])
        self.read = Summary("read", "read latency", ["bus"])
        self.metrics = [self.boots, self.requests, self.temp, self.read]
        random.Random(seed).shuffle(self.metrics)  # a set has no order
        self.boots.inc(2)
        self.fault = "none"
        self.lock = threading.Lock()
        self.reboot()

    def reboot(self):
        for metric in (self.requests, self.temp, self.read):
            metric.clear()
        self.boots.inc()
        self.temp.set(21.5, "a")

    def command(self, line):
        words = line.split()
        with self.lock:
            if words[:1] == ["fault"] and len(words) == 2:
                self.fault = words[1]
            elif words == ["reboot"]:
                self.reboot()
            elif words[:1] == ["dec"] and len(words) == 2:
                self.requests.dec(int(words[1]))
            elif words[:1] == ["set"] and len(words) == 2:
                self.temp.set(words[1], "a")
            elif words:
                print("not a command: " + line.strip(), file=sys.stderr)

    def render(self):
        with self.lock:
            self.requests.inc()
            self.read.observe(0.375, "i2c")
            lines = [line for metric in self.metrics for line in metric.render(self.prefix)]
            if self.fault == "values":
                lines += ["# TYPE %sunset gauge" % self.prefix, self.prefix + "unset None", self.prefix + "unset True"]
            return "\n".join(lines)


def respond(status, body):
    body = body.encode()
    head = "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
    return head.encode(), body


def answer(board, request):
    """Returns head and body, or None for what is not HTTP."""
    words = request.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/"):
        return None
    if words[0] == b"GET" and words[1] == b"/metrics":
        return respond("200 OK", board.render())
    return respond("404 Not Found", "Not Found")


def serve(board, client):
    request = client.recv(1024)  # once: what is longer stays unread, and resets
    fault = board.fault
    if fault == "raise":
        raise RuntimeError("an exception in a handler ends the server")
    if fault == "silence":
        while board.fault == "silence":
            time.sleep(0.02)
        return
    parts = answer(board, request)
    if parts is None or fault == "closed":
        return
    head, body = parts
    if fault == "cut":
        body = body[: len(body) // 2]
    if fault in ("reset", "cut"):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sendall(head + body)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--namespace", default="plant")
    parser.add_argument("--fault", default="none")
    parser.add_argument("--seed", type=int, default=None, help="of the families' order")
    args = parser.parse_args()

    board = Board(args.namespace, args.seed)
    board.fault = args.fault

    def commands():
        for line in sys.stdin:
            board.command(line)

    threading.Thread(target=commands, daemon=True).start()

    listener = socket.socket()  # without SO_REUSEADDR
    listener.bind((args.host, args.port))
    listener.listen(1)
    listener.settimeout(5)
    print("listening on %s:%d" % listener.getsockname(), flush=True)
    while True:
        try:
            client, _ = listener.accept()
        except socket.timeout:
            continue
        with client:
            client.settimeout(5)
            try:
                serve(board, client)
            except (OSError, socket.timeout) as error:  # the client's doing
                print(error, file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
