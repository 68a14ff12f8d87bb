"""Sensors of the kernel's own drivers whose truth the scenario knows: chips made of registers, and counters of energy."""
import ctypes
import fcntl
import glob
import os
import threading
import time
from bed import shell, until

SLAVE_FORCE, SMBUS, WRITE, WORD = 0x0706, 0x0720, 0, 3  # linux/i2c-dev.h, linux/i2c.h


class Transfer(ctypes.Structure):
    """struct i2c_smbus_ioctl_data"""
    _fields_ = [("direction", ctypes.c_uint8), ("command", ctypes.c_uint8), ("size", ctypes.c_uint32),
                ("data", ctypes.c_void_p)]


class Bus:
    """The bus of i2c-stub. Chips compute nothing here: whoever changes a voltage changes the power register too."""

    def __init__(self, addresses):
        shell(f"modprobe i2c-dev; modprobe i2c-stub chip_addr={','.join(map(hex, addresses))}; "
              "modprobe ina2xx; modprobe ina3221")
        [name] = [path for path in glob.glob("/sys/bus/i2c/devices/i2c-*/name") if "SMBus stub" in open(path).read()]
        self.number = int(name.split("/")[-2].split("-")[1])
        self.file = os.open(f"/dev/i2c-{self.number}", os.O_RDWR)
        self.lock = threading.Lock()

    def write(self, chip, register, value):
        """Sets a register. The chips send the high byte first, the bus the low one. A chip may have its driver already."""
        word = ctypes.c_uint16((value & 0xFF) << 8 | value >> 8 & 0xFF)
        transfer = Transfer(WRITE, register, WORD, ctypes.addressof(word))
        with self.lock:
            fcntl.ioctl(self.file, SLAVE_FORCE, chip)
            fcntl.ioctl(self.file, SMBUS, transfer)

    def attach(self, driver, chip):
        self.say("new_device", f"{driver} {chip:#04x}")
        path = f"/sys/bus/i2c/devices/{self.number}-{chip:04x}/hwmon/hwmon*/name"
        if not until(5, lambda: glob.glob(path)):
            raise SystemExit(f"no driver takes the {driver}")

    def detach(self, chip):
        self.say("delete_device", f"{chip:#04x}")

    def say(self, what, text):
        with open(f"/sys/bus/i2c/devices/i2c-{self.number}/{what}", "w") as file:
            file.write(text)


class INA226:
    """With 10 mΩ, as the driver assumes: shunt 2.5 µV, bus 1.25 mV, current 0.25 mA, power 6.25 mW a step."""
    STEP = 6.25e-3

    def __init__(self, bus, chip=0x40, volts=12.0):
        self.bus, self.chip, self.volts = bus, chip, volts
        bus.attach("ina226", chip)
        self.id = f"hwmon:ina226@{bus.number}-{chip:04x}:power1"

    def set(self, watts):
        amperes = watts / self.volts
        self.bus.write(self.chip, 1, round(amperes * 0.01 / 2.5e-6))
        self.bus.write(self.chip, 2, round(self.volts / 1.25e-3))
        self.bus.write(self.chip, 4, round(amperes / 0.25e-3))
        self.bus.write(self.chip, 3, round(watts / self.STEP))

    def shown(self, watts):
        """What the register can hold of a power."""
        return round(watts / self.STEP) * self.STEP


class INA3221:
    """Three channels with 10 mΩ each: bus 8 mV and shunt 40 µV (4 mA) a step; the driver gives no power."""

    def __init__(self, bus, chip=0x42, volts=(12.0, 5.0, 3.296)):
        self.bus, self.chip, self.volts = bus, chip, volts
        # A chip that has made a conversion, by Texas Instruments.
        for register, value in ((0x0F, 1), (0xFE, 0x5449), (0xFF, 0x3220)):
            bus.write(chip, register, value)
        bus.attach("ina3221", chip)
        bus.write(chip, 0x0F, 1)
        for channel, volt in enumerate(volts):
            bus.write(chip, 2 * channel + 2, round(volt * 1000) // 8 << 3)
        self.ids = [f"hwmon:ina3221@{bus.number}-{chip:04x}:curr{channel + 1}" for channel in range(3)]

    def steps(self, channel, watts):
        return round(watts / self.volts[channel] / 0.004)

    def set(self, channel, watts):
        self.bus.write(self.chip, 2 * channel + 1, self.steps(channel, watts) << 3)

    def shown(self, channel, watts):
        return self.steps(channel, watts) * 0.004 * (round(self.volts[channel] * 1000) // 8 * 0.008)


class Powercap:
    """A package and its parts in the power capping class."""
    ZONE = "/sys/class/powercap/intel-rapl:0"
    PACKAGE = "powercap:intel-rapl:package-0"

    def __init__(self, zones=3, range_uj=600_000_000):
        shell(f"modprobe tb_powercap zones={zones} range_uj={range_uj}")

    def set(self, watts):
        # Reading books what was used so far at the power so far.
        with open(f"{self.ZONE}/energy_uj") as file:
            file.read()
        with open("/sys/module/tb_powercap/parameters/power_uw", "w") as file:
            file.write(f"{round(watts * 1e6)},500000,250000")


class Profile:
    """Moves a power by a list of levels, one after another, and keeps the account of when it was what."""

    def __init__(self, move, levels, seconds):
        self.move, self.levels, self.seconds = move, levels, seconds
        self.account, self.stop = [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        due = time.monotonic()
        while not self.stop.is_set():
            watts = self.levels[len(self.account) % len(self.levels)]
            shown = self.move(watts)
            self.account.append((time.monotonic(), watts if shown is None else shown))
            due += self.seconds
            self.stop.wait(max(0, due - time.monotonic()))

    def __enter__(self):
        self.thread.start()
        until(5, lambda: self.account)
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def energy(self, begin, end):
        """Joules between two moments of the monotonic clock."""
        steps = self.account + [(max(end, self.account[-1][0]), 0)]
        return sum(max(0, min(b[0], end) - max(a[0], begin)) * a[1] for a, b in zip(steps, steps[1:]))
