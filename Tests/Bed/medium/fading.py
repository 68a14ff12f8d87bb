"""How strong a link is at a time: fading processes of known parameters, and recorded traces.

A process is a function from seconds to a power gain in decibels; over time the mean of the gain in linear power is 0 dB."""
import cmath
import csv
import math
import random

# Of the tables of scattered waves, in periods of the Doppler frequency: how long before a table repeats, and how finely it
# is sampled. Linear interpolation at 32 samples a period is wrong by less than 0.5 % of the amplitude.
PERIODS = 256
FINENESS = 32

# The direct wave's own Doppler shift, as a share of the largest: it arrives at 45° to the movement.
DIRECT_SHIFT = math.cos(math.pi / 4)


def steady(_):
    """Nothing moves."""
    return 0.0


def inverse_transform(spectrum):
    """The inverse discrete Fourier transform without its 1/n, by halves. The length is a power of two."""
    size = len(spectrum)
    if size == 1:
        return list(spectrum)
    even, odd = inverse_transform(spectrum[::2]), inverse_transform(spectrum[1::2])
    turned = [cmath.exp(2j * math.pi * k / size) * odd[k] for k in range(size // 2)]
    return [e + t for e, t in zip(even, turned)] + [e - t for e, t in zip(even, turned)]


def scattered(seed):
    """A stretch of Clarke's scattered wave: complex Gaussian, mean power 1, correlation J₀(2π·x) after x Doppler periods.

    White noise shaped by the share of Jakes' spectrum 1/(π·√(1 − f²)) in every frequency bin, |f| ≤ 1."""
    draw = random.Random(seed)
    size = PERIODS * FINENESS
    spectrum = [0j] * size
    for k in range(-PERIODS, PERIODS + 1):
        low, high = (max(-1, min(1, (k + side) / PERIODS)) for side in (-0.5, 0.5))
        share = (math.asin(high) - math.asin(low)) / math.pi
        spectrum[k % size] = math.sqrt(share / 2) * complex(draw.gauss(0, 1), draw.gauss(0, 1))
    wave = inverse_transform(spectrum)
    mean = math.sqrt(sum(abs(h) ** 2 for h in wave) / size)
    return [h / mean for h in wave]


class Rician:
    """A direct wave K times as strong as the scattered ones (K = 0: Rayleigh) at a Doppler frequency in hertz (0: the gain
    that the seed drew, for ever)."""

    def __init__(self, k, doppler, seed=0):
        if not (k >= 0 and math.isfinite(k) and doppler >= 0 and math.isfinite(doppler)):
            raise ValueError(f"K = {k} and a Doppler frequency of {doppler} Hz: both must be finite and not negative")
        self.k, self.doppler = k, doppler
        self.table = scattered(seed)
        self.phase = random.Random(f"{seed} direct").uniform(0, 2 * math.pi)

    def amplitude(self, seconds):
        """The complex gain."""
        periods = self.doppler * seconds
        at = periods * FINENESS
        whole = math.floor(at)
        first, second = (self.table[(whole + step) % len(self.table)] for step in (0, 1))
        wave = first + (second - first) * (at - whole)
        direct = cmath.exp(1j * (2 * math.pi * periods * DIRECT_SHIFT + self.phase))
        return math.sqrt(self.k / (self.k + 1)) * direct + math.sqrt(1 / (self.k + 1)) * wave

    def __call__(self, seconds):
        return 10 * math.log10(max(abs(self.amplitude(seconds)) ** 2, 1e-12))


class Trace:
    """A recorded signal, again and again. `mean` is its mean power in dBm.

    Reads CSV with a column `time_s` or `time_us` and a column `signal_dbm`; rows without a signal are left out."""

    def __init__(self, path):
        self.times, levels = [], []
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                if row.get("signal_dbm"):
                    self.times.append(float(row["time_s"]) if "time_s" in row else float(row["time_us"]) * 1e-6)
                    levels.append(float(row["signal_dbm"]))
        if len(levels) < 2 or any(b <= a for a, b in zip(self.times, self.times[1:])):
            raise ValueError(f"{path}: needs two signals or more, at times that grow")
        begin = self.times[0]
        self.times = [time - begin for time in self.times]
        self.mean = 10 * math.log10(sum(10 ** (level / 10) for level in levels) / len(levels))
        self.gains = [level - self.mean for level in levels]

    def __call__(self, seconds):
        at = seconds % self.times[-1]
        low, high = 0, len(self.times) - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.times[middle] <= at else (low, middle)
        share = (at - self.times[low]) / (self.times[high] - self.times[low])
        return self.gains[low] + share * (self.gains[high] - self.gains[low])
