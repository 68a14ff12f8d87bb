"""What a frame costs and risks at a rate: time on the air, and the chance that it is not understood.

Rates of IEEE 802.11 at 20 MHz with one stream. Errors by NIST's bound for convolutional codes (Pei, Henderson, NIST
"Validation of OFDM error rate model in ns-3", 2010), which lies 3 to 5 dB on the safe side of link simulations; those of
DSSS by a logistic curve through ns-3's figures for 1 and 11 Mbit/s."""
import math
from collections import namedtuple

# `bits` is the payload of a symbol and `symbol` its length in µs; DSSS has no symbols of many bits: bits is 0.
Rate = namedtuple("Rate", "name mbps order code bits symbol preamble middle")


def ofdm(mbps, order, code):
    return Rate(f"{mbps} Mbit/s", mbps, order, code, mbps * 4, 4.0, 20.0, None)


def dsss(mbps, middle):
    """`middle`: the signal-to-noise ratio in dB at which half of the frames of 1078 bytes are lost."""
    return Rate(f"{mbps} Mbit/s", mbps, 0, None, 0, 0.0, 192.0, middle)


def ht(index, short_guard):
    order, code, bits = HT[index]
    symbol = 3.6 if short_guard else 4.0
    return Rate(f"MCS {index}", bits / symbol, order, code, bits, symbol, 36.0, None)


OFDM = [ofdm(6, 2, "1/2"), ofdm(9, 2, "3/4"), ofdm(12, 4, "1/2"), ofdm(18, 4, "3/4"), ofdm(24, 16, "1/2"),
        ofdm(36, 16, "3/4"), ofdm(48, 64, "2/3"), ofdm(54, 64, "3/4")]
DSSS = [dsss(1, -4.0), dsss(2, -1.0), dsss(5.5, 3.0), dsss(11, 6.2)]
HT = [(2, "1/2", 26), (4, "1/2", 52), (4, "3/4", 78), (16, "1/2", 104), (16, "3/4", 156), (64, "2/3", 208),
      (64, "3/4", 234), (64, "5/6", 260)]
DSSS_SLOPE = 2.9  # of the logit of success, a dB

# First Hamming distance of each code and the weights from there on: step 2 for rate 1/2, step 1 for the others; and the
# input bits of a branch.
CODES = {
    "1/2": (1, 10, 2, (36, 211, 1404, 11633, 77433, 502690, 3322763, 21292910, 134365911)),
    "2/3": (2, 6, 1, (3, 70, 285, 1276, 6160, 27128, 117019, 498860, 2103891, 8784123)),
    "3/4": (3, 5, 1, (42, 201, 1492, 10469, 62935, 379644, 2253373, 13073811, 75152755, 428005675)),
    "5/6": (5, 4, 1, (92, 528, 8694, 79453, 792114, 7375573, 67884974, 610875423, 5427275376, 47664215639)),
}


def raw_bit_error(order, snr):
    """Of a symbol of 2, 4, 16 or 64 points at a linear signal-to-noise ratio."""
    if order == 2:
        return 0.5 * math.erfc(math.sqrt(snr))
    if order == 4:
        return 0.5 * math.erfc(math.sqrt(snr / 2))
    side = math.isqrt(order)
    return (side - 1) / (side * math.log2(side)) * math.erfc(math.sqrt(snr / (2 * (order - 1) // 3)))


def success(rate, octets, snr):
    """The chance that a frame of so many octets is understood at a signal-to-noise ratio in dB."""
    if rate.order == 0:
        logit = min(50.0, max(-50.0, DSSS_SLOPE * (snr - rate.middle)))
        return (1 / (1 + math.exp(-logit))) ** (octets / 1078)
    bit = raw_bit_error(rate.order, 10 ** (snr / 10))
    distance = math.sqrt(4 * bit * (1 - bit))
    branch, first, step, weights = CODES[rate.code]
    wrong = sum(weight * distance ** (first + step * at) for at, weight in enumerate(weights)) / (2 * branch)
    return 0.0 if wrong >= 1 else (1 - wrong) ** (8 * octets)


# At 2.4 GHz with short slots (802.11-2020, table 18-5), in µs: SIFS 10, slot 9; an OFDM frame is followed by 6 µs of silence.
SIFS, SLOT, SILENCE = 10.0, 9.0, 6.0
ACKNOWLEDGEMENT_OCTETS = 14

# How a queue gets at the channel: slots that it must have been idle beyond SIFS, and the least and largest window, in slots
# (802.11-2020, table 9-155).
Access = namedtuple("Access", "name idle_slots least largest")
BACKGROUND, BEST_EFFORT = Access("background", 7, 15, 1023), Access("best effort", 3, 15, 1023)
VIDEO, VOICE = Access("video", 2, 7, 15), Access("voice", 2, 3, 7)
BY_PRIORITY = (BEST_EFFORT, BACKGROUND, BACKGROUND, BEST_EFFORT, VIDEO, VIDEO, VOICE, VOICE)


def access(frame):
    """The queue of a frame: by the priority that its QoS field names; frames of management go with voice."""
    kind, subtype = frame[0] >> 2 & 3, frame[0] >> 4
    if kind != 2:
        return VOICE
    # Four addresses where it goes from one distribution system to another.
    at = 30 if frame[1] & 3 == 3 else 24
    return BY_PRIORITY[frame[at] & 7] if subtype & 8 and len(frame) > at else BEST_EFFORT


def duration(rate, octets):
    """Of the frame alone, in µs."""
    if rate.bits == 0:
        return rate.preamble + 8 * octets / rate.mbps
    return rate.preamble + rate.symbol * math.ceil((16 + 8 * octets + 6) / rate.bits) + SILENCE


def idle(access):
    """How long the channel must have been idle before slots are counted, in µs."""
    return SIFS + SLOT * access.idle_slots


def backoff(access, attempt, draw):
    """The slots before attempt 0, 1, … as µs; `draw` is a random number in 0…1."""
    window = min(access.largest, (access.least + 1 << attempt) - 1)
    return SLOT * int(draw * (window + 1))


def answer_rate(rate):
    """The acknowledgement's: the fastest mandatory rate that is not faster than the frame's."""
    if rate.bits == 0:
        return DSSS[0]
    return OFDM[4] if rate.mbps >= 24 else OFDM[2] if rate.mbps >= 12 else OFDM[0]


class Band:
    """How a radio of the bed numbers its rates: with DSSS's first below 5 GHz."""

    def __init__(self, megahertz):
        self.legacy = (DSSS + OFDM) if megahertz < 4000 else OFDM

    def rate(self, index, flags):
        """The rate that a driver means by an index and flags; nil for what this medium does not know (more than one
        stream, wider channels)."""
        if flags & MCS:
            return ht(index, bool(flags & SHORT_GUARD)) if index < len(HT) and not flags & WIDE else None
        return self.legacy[index] if not flags & VHT and 0 <= index < len(self.legacy) else None

    def heard_as(self, rate):
        """The index of the legacy rate that is told to the receiver: hwsim takes no other."""
        return max((at for at, one in enumerate(self.legacy) if one.mbps <= rate.mbps), default=0,
                   key=lambda at: self.legacy[at].mbps)


# Flags of struct hwsim_tx_rate_flag.
MCS, SHORT_GUARD, VHT, WIDE = 1 << 3, 1 << 7, 1 << 8, 1 << 5 | 1 << 9 | 1 << 10
