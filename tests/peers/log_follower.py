"""A log follower in Python that needs nothing but its standard library: a thread for each container, which
opens a stream anew when the last one has ended, from the last line on that it was handed.

What it does otherwise its options say. DOCKER_HOST is the engine.
"""

import argparse
import calendar
import http.client
import http.server
import json
import os
import signal
import socket
import threading
import time

options = argparse.ArgumentParser()
# Asks for the last line again, as Docker's clients do whose times are no finer than their lines'.
options.add_argument("--inclusive", action="store_true")
# Opens two streams of each container, and reads both.
options.add_argument("--twice", action="store_true")
# Ends a stream by itself after so many seconds, ...
options.add_argument("--every", type=float)
# ... and opens the next one after so many.
options.add_argument("--pause", type=float, default=0.0)
# Keeps the streams that it has ended.
options.add_argument("--forgets", action="store_true")
# Leaves a thread of each stream.
options.add_argument("--threads", action="store_true")
# Opens so many streams of each container, and no more.
options.add_argument("--streams", type=int)
# Ends once the first container has started so many times.
options.add_argument("--ends-after", type=int)
# Opens the next stream when its container starts anew, not when the last one ends.
options.add_argument("--by-events", action="store_true")
# Tells of its streams as a Go program tells of its goroutines, at this port.
options.add_argument("--pprof", type=int)
# Writes there how often it has opened a stream, ...
options.add_argument("--opened")
# ... and at its end how many lines it was handed and how many it missed.
options.add_argument("--lines")
options = options.parse_args()

kept, lines, missed, opened = [], {}, {}, 0
lock = threading.Lock()


class Connection(http.client.HTTPConnection):
    def __init__(self):
        super().__init__("docker")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))


def get(path):
    connection = Connection()
    connection.request("GET", path)
    return connection, connection.getresponse()


class Starts:
    """How often a container has started anew."""

    def __init__(self, name):
        self.count, self.changed = 0, threading.Condition()
        filters = json.dumps({"event": ["start"], "container": [name]})
        _, self.events = get("/events?filters=" + filters.replace('"', "%22").replace(" ", ""))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while self.events.readline():
            with self.changed:
                self.count += 1
                self.changed.notify_all()
            if options.ends_after and self.count >= options.ends_after:
                os._exit(0)

    def wait_for_more_than(self, count):
        with self.changed:
            self.changed.wait_for(lambda: self.count > count)


def after(stamp):
    seconds = calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))
    nanos = int((stamp[20:-1] + "0" * 9)[:9]) + (0 if options.inclusive else 1)
    return f"{seconds + nanos // 10**9}.{nanos % 10**9:09d}"


def read(name, connection, response, since, until):
    """Reads a stream; says where the next one is to begin."""
    stream = response.fp.raw._sock
    while True:
        if until is not None:
            stream.settimeout(max(0.001, until - time.monotonic()))
        try:
            head = response.read(8)
            line = response.read(int.from_bytes(head[4:], "big")) if len(head) == 8 else b""
        except (OSError, http.client.HTTPException):
            return since
        if not line.endswith(b"\n"):
            return since
        stamp, _, text = line.decode().partition(" ")
        number = int(text.rsplit(" ", 1)[1])
        last, count = lines.get(name, (None, 0))
        if last is not None and number > last + 1:
            missed[name] = missed.get(name, 0) + number - last - 1
        lines[name] = (number, count + 1)
        since = after(stamp)
        if until is not None and time.monotonic() >= until:
            return since


def follow(name, starts):
    global opened
    since, streams = None, 0
    while True:
        begin = "&tail=0" if since is None else "&since=" + since
        seen = starts.count if starts else 0
        try:
            connection, response = get(
                f"/containers/{name}/logs?follow=1&stdout=1&timestamps=1{begin}"
            )
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)
            continue
        if response.status != 200:
            connection.close()
            time.sleep(0.005)
            continue
        streams += 1
        if options.threads:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        with lock:
            opened += 1
            if options.opened:
                with open(options.opened + ".new", "w") as file:
                    file.write(str(opened))
                os.replace(options.opened + ".new", options.opened)
        if starts:
            starts.wait_for_more_than(seen)
        elif streams != options.streams:
            until = options.every and time.monotonic() + options.every
            since = read(name, connection, response, since, until)
        if streams == options.streams:
            kept.append((connection, response))
            threading.Event().wait()
        if options.forgets:
            kept.append((connection, response))
        else:
            response.close()
            connection.close()
        time.sleep(options.pause)


class Pprof(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.path.startswith("/debug/pprof/goroutine?")
        goroutine = (
            "goroutine {} [IO wait]:\nmain.read()\n\t/x/main.go:1 +0x1\n"
            "created by main.follow in goroutine 1\n\t/x/main.go:2 +0x1\n\n"
        )
        told = "".join(goroutine.format(2 + number) for number in range(opened))
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(told.encode() if known else b"")

    def log_message(self, *_):
        pass


def end(*_):
    if options.lines:
        handed = sum(count for _, count in lines.values())
        with open(options.lines, "w") as file:
            json.dump({"handed": handed, "missed": sum(missed.values())}, file)
    os._exit(0)


signal.signal(signal.SIGTERM, end)
if options.pprof:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.pprof), Pprof)
    threading.Thread(target=server.serve_forever, daemon=True).start()
connection, response = get("/containers/json")
names = [container["Names"][0].strip("/") for container in json.load(response)]
connection.close()
for name in names:
    starts = Starts(name) if options.by_events else None
    for _ in range(2 if options.twice else 1):
        threading.Thread(target=follow, args=(name, starts), daemon=True).start()
threading.Event().wait()
