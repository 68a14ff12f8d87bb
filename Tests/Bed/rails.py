"""Rails of the kernel's own sensor drivers on a bus made of registers, and of its power capping class: what is found, what is
read, and energies of known profiles."""
# boots: time-travel=inf-cpu
import json
import math
import os
import time
from bed import PROGRAMS, check, end, near, shell, siftctl, start
from sensors import INA226, INA3221, Bus, Powercap, Profile


def rails(user=None):
    answer = siftctl("rails", user=user)
    return {rail["id"]: rail for rail in answer["rails"]}, answer["total"]


def measure(seconds, profile, *ids):
    """The reading of siftctl over some rails, and the profile's own joules over the window that it says it measured."""
    chosen = [word for rail in ids for word in ("--rail", rail)]
    with profile:
        process = start("rails", "--measure", str(seconds), *chosen)
        reading = json.loads(process.communicate()[0])
        closed = time.monotonic()
    return reading, profile.energy(closed - reading["elapsed_s"], closed)


bus = Bus([0x40, 0x41, 0x42])
found, total = rails()
check("a machine without sensors has no rail and no total", not found and not total, found)

ina226 = INA226(bus)
ina226.set(30)
found, total = rails()
check("the power register of an INA226 is read", near(found[ina226.id]["power_w"], 30, INA226.STEP), found[ina226.id]["power_w"])
check("its step and its refresh are known",
      near(found[ina226.id]["resolution_w"], INA226.STEP, 1e-9) and found[ina226.id]["refresh_s"] == 0.035)
check("the only rail stands for the machine", total == [ina226.id])

ina3221 = INA3221(bus)
for channel, watts in enumerate((12, 2, 0.3296)):
    ina3221.set(channel, watts)
found, total = rails()
three = [found[rail] for rail in ina3221.ids]
powers = [rail["power_w"] for rail in three]
check("an INA3221 gives volt times ampere of its three channels and of nothing else",
      near(powers[0], 12, 0.05) and near(powers[1], 2, 0.02) and near(powers[2], 0.3296, 0.014)
      and len(found) == 4 and all(rail["standing"] == "derived" for rail in three), powers)
check("several rails of unknown meaning make no total", total == [], total)


def move_ina226(watts):
    ina226.set(watts)
    return ina226.shown(watts)


def move_ina3221(watts):
    ina3221.set(0, watts)
    ina3221.set(1, watts / 5)
    return ina3221.shown(0, watts) + ina3221.shown(1, watts / 5)


# A swing of three seconds and a bit, in steps of 20 ms; and jumps that come about twice a second, at no multiple of the time
# between two samples. Where within its 100 ms a jump happened no sampler can know: that is for the uncertainty to cover.
SWING = ([20 + 12 * math.sin(2 * math.pi * step / 157) for step in range(157)], 0.02)
JUMPS = ([30, 10, 18, 44, 6, 25, 12], 0.53)
for rail, move, ids in (("INA226", move_ina226, [ina226.id]), ("INA3221", move_ina3221, ina3221.ids[:2])):
    reading, truth = measure(10, Profile(move, *SWING), *ids)
    check(f"{rail}: the energy of a swing over ten seconds is right within 1 %", near(reading["energy_j"], truth, 0.01 * truth)
          and 10 <= reading["elapsed_s"] < 10.5, (reading["energy_j"], truth))
    check(f"{rail}: nothing was missed", reading["coverage"] > 0.99 and reading["samples"] >= 75,
          (reading["coverage"], reading["samples"]))
    reading, truth = measure(10, Profile(move, *JUMPS), *ids)
    check(f"{rail}: that of jumps is right within twice its own uncertainty, which is small",
          near(reading["energy_j"], truth, 2 * reading["uncertainty_j"]) and reading["uncertainty_j"] < 0.06 * truth,
          (reading["energy_j"], truth, reading["uncertainty_j"]))

process = start("rails", "--measure", "4", "--rail", ina226.id)
time.sleep(2.2)
bus.detach(ina226.chip)
reading = json.loads(process.communicate()[0])
check("a sensor that is pulled out in mid-window lowers the coverage", 0.2 < reading["coverage"] < 0.8, reading["coverage"])

package = Powercap()
found, total = rails()
check("the zones of a package hang below it and it alone is the total",
      total == [package.PACKAGE] and found[package.PACKAGE + "/core"]["parent"] == package.PACKAGE
      and found[package.PACKAGE]["parent"] is None, total)
# 300 W on average wrap the counter every two seconds.
for factor, name in ((1, "powercap"), (14, "powercap, wrapping")):
    reading, truth = measure(10, Profile(lambda watts: package.set(watts * factor) or watts * factor, *JUMPS))
    check(f"{name}: the counter's energy over ten seconds is right within 1 %",
          near(reading["energy_j"], truth, 0.01 * truth) and reading["standing"] == "measured" and reading["coverage"] == 1,
          (reading["energy_j"], truth))

check("energy_uj is for root alone, as on real machines", os.stat(package.ZONE + "/energy_uj").st_mode & 0o077 == 0)
found, total = rails(user="nobody")
check("without privilege the rail says permission and shows no figure",
      found[package.PACKAGE]["why"] == "permission" and found[package.PACKAGE]["energy_j"] is None
      and package.PACKAGE not in total, found[package.PACKAGE])
words = shell(f"su -s /bin/sh nobody -c 'LD_LIBRARY_PATH={PROGRAMS} {PROGRAMS}/siftctl rails'")
check("and people are told how to open it", "permission" in words and "energy_uj" in words and "chgrp" in words, words)

shell("modprobe test_power; echo off > /sys/module/test_power/parameters/ac_online")
for status, sign in (("discharging", 1), ("charging", -1)):
    with open("/sys/module/test_power/parameters/battery_status", "w") as file:
        file.write(status)
    battery = rails()[0]["power_supply:test_battery"]
    check(f"a battery that is {status} has power of the right sign", battery["power_w"] * sign > 0, battery["power_w"])
end()
