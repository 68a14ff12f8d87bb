"""The language of mac80211_hwsim's generic netlink family, as linux/drivers/net/wireless/mac80211_hwsim.h defines it."""
import os
import select
import socket
import struct
from collections import namedtuple

REGISTER, FRAME, STATUS, ADD_ADDRESS, DELETE_ADDRESS = 1, 2, 3, 7, 8
(RECEIVER, TRANSMITTER, DATA, FLAGS, RECEIVE_RATE, SIGNAL, ATTEMPTS, COOKIE) = range(1, 9)
FREQUENCY, ATTEMPT_FLAGS = 19, 21
NO_ACKNOWLEDGEMENT, ACKNOWLEDGED = 1 << 1, 1 << 2

CONTROLLER = 0x10  # the family that knows the others; its group of announcements has the same number
NEW_FAMILY, GET_FAMILY = 1, 3
NETLINK_GENERIC, SOL_NETLINK, ADD_MEMBERSHIP = 16, 270, 1  # linux/netlink.h; Python does not name them

# A frame that a radio sends: `attempts` are (rate index, flags, tries); `cookie` and `flags` go back with the status.
Sent = namedtuple("Sent", "radio frame flags megahertz attempts cookie hardware")


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def attributes(data):
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4:at + length]
        at += (length + 3) & ~3
    return found


def hardware(radio):
    """The address by which the driver knows the radio of a number; its interface has the same with 02 in front."""
    return bytes([0x42, 0, 0, radio >> 8, radio & 0xFF, 0])


def number(address):
    return address[3] << 8 | address[4]


class Hwsim:
    """The socket to the driver. Registers whenever the driver comes: a module that is loaded again is served again."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.socket.bind((0, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, CONTROLLER)
        self.socket.setblocking(False)
        self.family, self.sequence = None, 0
        # Which radio an address belongs to, besides those that every radio is made with.
        self.added = {}
        self.ask_for_family()

    def fileno(self):
        return self.socket.fileno()

    def send(self, family, command, body, acknowledge=False):
        self.sequence += 1
        payload = struct.pack("=BBH", command, 1, 0) + body
        header = struct.pack("=IHHII", 16 + len(payload), family, 1 | (4 if acknowledge else 0), self.sequence, 0)
        self.socket.send(header + payload)

    def ask_for_family(self):
        self.send(CONTROLLER, GET_FAMILY, attribute(2, b"MAC80211_HWSIM\0"))

    def events(self):
        """What the driver said since the last call: frames that were sent. - Raises: OSError when the driver takes
        another medium."""
        for _ in range(64):
            try:
                data = self.socket.recv(1 << 16)
            except BlockingIOError:
                return
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                event = self.event(kind, data[at:at + length])
                if event:
                    yield event
                at += (length + 3) & ~3

    def event(self, kind, message):
        if kind == 2:  # NLMSG_ERROR: the driver went away (ENOENT), or a frame's receiver did (EINVAL, ENODEV)
            return None
        if kind == CONTROLLER and message[16] == NEW_FAMILY:
            found = attributes(message[20:])
            if found.get(2) == b"MAC80211_HWSIM\0":
                self.family = struct.unpack("=H", found[1])[0]
                self.send(self.family, REGISTER, b"")
            return None
        if kind != self.family:
            return None
        found = attributes(message[20:])
        if message[16] in (ADD_ADDRESS, DELETE_ADDRESS):
            self.added.pop(found[RECEIVER], None)
            if message[16] == ADD_ADDRESS:
                self.added[found[RECEIVER]] = number(found[TRANSMITTER])
        return self.sent(found) if message[16] == FRAME else None

    def sent(self, found):
        pairs = struct.iter_unpack("=bB", found[ATTEMPTS])
        more = dict(struct.iter_unpack("=bH", found.get(ATTEMPT_FLAGS, b"")))
        attempts = [(index, more.get(index, 0), tries) for index, tries in pairs if index >= 0 and tries > 0]
        return Sent(
            number(found[TRANSMITTER]), found[DATA], struct.unpack("=I", found[FLAGS])[0],
            struct.unpack("=I", found[FREQUENCY])[0] if FREQUENCY in found else 2437, attempts, found[COOKIE],
            found[TRANSMITTER])

    def owner(self, address):
        """The radio that answers to an address; nil when nobody is known to."""
        if address in self.added:
            return self.added[address]
        return number(address) if address[:3] in (b"\x02\0\0", b"\x42\0\0") and address[5] == 0 else None

    def deliver(self, sent, radio, rate_index, signal):
        self.send(self.family, FRAME, attribute(RECEIVER, hardware(radio)) + attribute(DATA, sent.frame)
                  + attribute(RECEIVE_RATE, struct.pack("=I", rate_index)) + attribute(SIGNAL, struct.pack("=i", signal))
                  + attribute(FREQUENCY, struct.pack("=I", sent.megahertz)))

    def report(self, sent, used, is_acknowledged, signal):
        """Tells the sender how it went: `used` are the tries at each of the frame's rates."""
        flags = sent.flags | (ACKNOWLEDGED if is_acknowledged else 0)
        rates = [(index, tries) for (index, _, _), tries in zip(sent.attempts, used) if tries > 0]
        rates += [(-1, 0)] * (4 - len(rates))
        self.send(self.family, STATUS, attribute(TRANSMITTER, sent.hardware) + attribute(FLAGS, struct.pack("=I", flags))
                  + attribute(COOKIE, sent.cookie) + attribute(SIGNAL, struct.pack("=i", signal))
                  + attribute(ATTEMPTS, b"".join(struct.pack("=bB", *rate) for rate in rates)))

    def wait(self, others, seconds):
        return select.select([self, *others], [], [], seconds)[0]


def unlink(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
