"""Runs the medium: python3 -m medium [--radios N] [--seed N] [--socket PATH].

It serves the driver until it is ended, and changes links when it is told to over a Unix datagram socket (`client.py`)."""
import argparse
import json
import socket
import time
from .air import Air
from .client import PATH
from .hwsim import Hwsim, unlink


def answer(air, request):
    """Does what a request says. - Returns: the answer. - Raises: whatever a bad request causes."""
    if "link" in request:
        for link in air.chosen(*request.pop("link")):
            link.change(**request, now=time.monotonic())
        return {}
    if "noise" in request:
        air.noise = float(request["noise"])
        return {}
    if request.get("forget"):
        for link in air.links.values():
            link.forget()
        return {}
    if request.get("signal"):
        now = time.monotonic()
        return {"dbm": air.links[tuple(request["signal"])].signal(now), "at": now}
    return {"noise": air.noise, "links": {f"{a}>{b}": link.state() for (a, b), link in air.links.items()}}


def converse(air, control):
    data, sender = control.recvfrom(1 << 16)
    try:
        reply = answer(air, json.loads(data))
    except Exception as error:  # a bad request is answered, whatever was bad about it
        reply = {"error": f"{type(error).__name__}: {error}"}
    if sender:
        control.sendto(json.dumps(reply).encode(), sender)


def main():
    parser = argparse.ArgumentParser(prog="medium", description="A medium for mac80211_hwsim radios.")
    parser.add_argument("--radios", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--socket", default=PATH)
    options = parser.parse_args()
    air, driver = Air(options.radios, options.seed), Hwsim()
    unlink(options.socket)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    control.bind(options.socket)
    while True:
        ready = driver.wait([control], air.happen(driver, time.monotonic()))
        if control in ready:
            converse(air, control)
        if driver in ready:
            for sent in driver.events():
                air.take(sent, driver, time.monotonic())


main()
