"""Rails of the kernel's own sensor drivers on a bus made of registers, and of its power capping class."""
import json
import os
import threading
import time
from bed import check, end, near, shell, siftctl, start

shell("modprobe i2c-dev; modprobe i2c-stub chip_addr=0x40,0x41,0x42; modprobe ina2xx; modprobe ina3221", must=False)
bus = shell("i2cdetect -l | sed -n 's/^i2c-\\([0-9]*\\).*SMBus stub.*/\\1/p'").strip()


def register(chip, number, value):
    """Sets a register; words go over the wire with their bytes swapped, and a bound chip needs -f."""
    swapped = ((value & 0xFF) << 8) | (value >> 8 & 0xFF)
    shell(f"i2cset -f -y {bus} {chip} {number} {swapped:#06x} w")


def ina226(watts, volts=12.0):
    """An INA226 with 10 mΩ that draws `watts`: bus 1.25 mV, current 0.25 mA, power 6.25 mW a step."""
    register(0x40, 2, round(volts / 1.25e-3))
    register(0x40, 1, round(watts / volts * 0.01 / 2.5e-6))
    register(0x40, 4, round(watts / volts / 0.25e-3))
    register(0x40, 3, round(watts / 6.25e-3))


def device(action, what):
    with open(f"/sys/bus/i2c/devices/i2c-{bus}/{action}_device", "w") as file:
        file.write(what)
    time.sleep(0.3)


def rails(user=None):
    answer = siftctl("rails", user=user)
    return {rail["id"]: rail for rail in answer["rails"]}, answer["total"]


found, total = rails()
check("a machine without sensors has no rail and no total", not found and not total, found)

INA226 = f"hwmon:ina226@{bus}-0040:power1"
device("new", "ina226 0x40")
ina226(30)
found, total = rails()
check("the power register of an INA226 is read", near(found[INA226]["power_w"], 30, 0.00625), found[INA226]["power_w"])
check("its step and its refresh are known", near(found[INA226]["resolution_w"], 0.00625, 1e-9) and found[INA226]["refresh_s"] == 0.035)
check("the only rail stands for the machine", total == [INA226])

register(0x42, 0x0F, 1)
register(0x42, 0xFE, 0x5449)
register(0x42, 0xFF, 0x3220)
device("new", "ina3221 0x42")
register(0x42, 0x0F, 1)
for channel, millivolts, milliamperes in [(1, 12000, 1000), (2, 5000, 400), (3, 3296, 100)]:
    register(0x42, 2 * channel, millivolts // 8 << 3)
    register(0x42, 2 * channel - 1, round(milliamperes / 4) << 3)  # 40 µV over 10 mΩ: 4 mA a step
found, total = rails()
three = [found[f"hwmon:ina3221@{bus}-0042:curr{channel}"] for channel in (1, 2, 3)]
powers = [rail["power_w"] for rail in three]
check("an INA3221 gives volt times ampere of its three channels and of nothing else",
      near(powers[0], 12, 0.05) and near(powers[1], 2, 0.02) and near(powers[2], 0.3296, 0.014)
      and len(found) == 4 and all(rail["standing"] == "derived" for rail in three), powers)
check("several rails of unknown meaning make no total", total == [], total)

# A known profile: 30 W and 10 W by turns, half a second each. What is compared with is the script's own account of when
# it wrote what, over the window that siftctl says it measured.
process = start("rails", "--measure", "8", "--rail", INA226)
account, stop = [], threading.Event()


def profile():
    begin, watts = time.monotonic(), 30
    while not stop.is_set():
        register(0x40, 3, round(watts / 6.25e-3))
        account.append((time.monotonic(), watts))
        watts = 40 - watts
        stop.wait(max(0, begin + 0.5 * len(account) - time.monotonic()))


writer = threading.Thread(target=profile)
writer.start()
reading = json.loads(process.communicate()[0])
closed = time.monotonic()
stop.set()
writer.join()
opened = closed - reading["elapsed_s"]
account.append((closed, 0))
truth = sum(max(0, min(b[0], closed) - max(a[0], opened)) * a[1] for a, b in zip(account, account[1:]))
truth /= reading["elapsed_s"]
mean = reading["energy_j"] / reading["elapsed_s"]
check("energy of a square wave on the INA226 is right within 1 %", near(mean, truth, 0.01 * truth), (mean, truth))
check("and within twice its own uncertainty", near(mean, truth, 2 * reading["uncertainty_j"] / reading["elapsed_s"]),
      reading["uncertainty_j"])
check("nothing was missed", reading["coverage"] > 0.99 and reading["samples"] >= 75, (reading["coverage"], reading["samples"]))

process = start("rails", "--measure", "4", "--rail", INA226)
time.sleep(2.2)
device("delete", "0x40")
reading = json.loads(process.communicate()[0])
check("a sensor that is pulled out in mid-window lowers the coverage", 0.2 < reading["coverage"] < 0.8, reading["coverage"])

ZONE = "/sys/class/powercap/intel-rapl:0"
shell("modprobe tb_powercap zones=3 range_uj=600000000")
PACKAGE = "powercap:intel-rapl:package-0"


def power(watts):
    with open("/sys/module/tb_powercap/parameters/power_uw", "w") as file:
        file.write(f"{int(watts * 1e6)},500000,250000")


found, total = rails()
check("the zones of a package hang below it and it alone is the total",
      total == [PACKAGE] and found[PACKAGE + "/core"]["parent"] == PACKAGE and found[PACKAGE]["parent"] is None, total)
for watts in (9, 300):
    power(watts)
    reading = siftctl("rails", "--measure", "5")
    mean = reading["energy_j"] / reading["elapsed_s"]
    check(f"the counter's energy at {watts} W is right within 1 %" + (", wrapping every two seconds" if watts == 300 else ""),
          near(mean, watts, 0.01 * watts) and reading["standing"] == "measured" and reading["coverage"] == 1, mean)

check("energy_uj is for root alone, as on real machines", os.stat(ZONE + "/energy_uj").st_mode & 0o077 == 0)
found, total = rails(user="nobody")
check("without privilege the rail says permission and shows no figure",
      found[PACKAGE]["why"] == "permission" and found[PACKAGE]["energy_j"] is None and PACKAGE not in total, found[PACKAGE])

shell("modprobe test_power; echo off > /sys/module/test_power/parameters/ac_online")
for status, sign in (("discharging", 1), ("charging", -1)):
    with open("/sys/module/test_power/parameters/battery_status", "w") as file:
        file.write(status)
    battery = rails()[0]["power_supply:test_battery"]
    check(f"a battery that is {status} has power of the right sign", battery["power_w"] * sign > 0, battery["power_w"])
end()
