"""Tells a running medium what to do, from a scenario or a shell.

    python3 -m medium.client '{"link": [0, "*"], "mean": -60, "k": 3, "doppler": 5}'
    python3 -m medium.client '{}'"""
import json
import os
import socket
import subprocess
import sys
import time

PATH = "/run/medium.sock"


class Medium:
    """A medium; `with Medium(3) as medium:` runs one for as long."""

    def __init__(self, radios, seed=1, path=PATH):
        if os.path.exists(path):
            os.unlink(path)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "medium", "--radios", str(radios), "--seed", str(seed), "--socket", path])
        self.path = path
        end = time.monotonic() + 20
        while not os.path.exists(path):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("the medium does not start")
            time.sleep(0.05)
        self.state()

    def link(self, sender, receiver, **change):
        """Changes what `receiver` hears of `sender`; "*" is every radio. See `Link.change`."""
        return ask({"link": [sender, receiver], **change}, self.path)

    def both(self, one, other, **change):
        """The same for both directions; with a `seed` the channel is reciprocal, as channels are."""
        self.link(one, other, **change)
        self.link(other, one, **change)

    def signal(self, sender, receiver):
        """What a frame sent now would be heard with, in dBm, unrounded."""
        return ask({"signal": [sender, receiver]}, self.path)["dbm"]

    def forget(self):
        ask({"forget": True}, self.path)

    def state(self):
        """Of every link, by "sender>receiver"."""
        return ask({}, self.path)["links"]

    def end(self):
        self.process.kill()
        self.process.wait()

    __enter__ = lambda self: self
    __exit__ = lambda self, *_: self.end()


def ask(request, path=PATH):
    """- Raises: ValueError with the medium's words."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind("")  # an abstract name of the kernel's choice, to be answered at
        own.settimeout(20)
        own.sendto(json.dumps(request).encode(), path)
        reply = json.loads(own.recv(1 << 16))
    if "error" in reply:
        raise ValueError(reply["error"])
    return reply


if __name__ == "__main__":
    print(json.dumps(ask(json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")), indent=1))
