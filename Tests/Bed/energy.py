"""siftd as a service on a machine whose power the scenario moves: a rail that it may not read, one that it may, and one that
is pulled out while it serves."""
# boots: systemd
import json
import threading
import time
from bed import check, end, near, shell, until
from cluster import Cluster, Journal
from sensors import INA226, Bus, Powercap

REQUEST = "2f8e42080cdf48ef9638a63dc80658ae"
RAIL = "7aa2fd0bcd1b4ec49db22dc9afcf0f9d"
PROMPT = "In the beginning God created the heaven and the earth. And"

package = Powercap()
package.set(9)
cluster = Cluster()
journal = Journal()
cluster.start()


def served(tokens=64):
    """One completion; - returns: its record in the journal."""
    journal.mark()
    status, body = cluster.complete(PROMPT, tokens=tokens)
    if status != 200:
        raise SystemExit(f"no completion: {body}")
    [record] = journal.records(REQUEST, "siftd")
    return record


meter = cluster.status()["meter"]
check("a package whose energy only root may read is not used", meter["standing"] == "modelled" and meter["rails"] == [], meter)
record = served()
check("and a request's joules are modelled, not zero", record["SIFT_ENERGY_STANDING"] == "modelled"
      and float(record["SIFT_ENERGY_J"]) > 0, record["SIFT_ENERGY_J"])
hint = shell("systemd-run --quiet --pipe --wait -p DynamicUser=yes siftctl rails")
check("as a user of its own siftctl shows no figure of it and tells how to open it",
      "permission" in hint and "chgrp" in hint and " 0 J" not in hint, hint)
shell(f"groupadd --system power; chgrp power {package.ZONE}/energy_uj; chmod g+r {package.ZONE}/energy_uj")
opened = shell("systemd-run --quiet --pipe --wait -p DynamicUser=yes -p SupplementaryGroups=power siftctl rails --measure 5")
check("and with what it tells, the package is measured", "measured" in opened and "package-0" in opened
      and any(near(float(word), 9, 0.09) for word in opened.replace("(", " ").split() if word[:1].isdigit() and "." in word), opened)

bus = Bus([0x40])
sensor = INA226(bus)
sensor.set(30)
shell("rmmod tb_powercap")
shell("systemctl restart siftd")
check("a sensor that all may read is found at the next start", until(10, lambda: cluster.status()["meter"]["rails"] == [sensor.id])
      and cluster.status()["meter"]["standing"] == "measured", cluster.status()["meter"])
check("and its power is shown", until(5, lambda: near(cluster.status()["meter"].get("watts", 0), 30, 0.01)), cluster.status()["meter"])
time.sleep(1)
record = served(tokens=900)
watts = float(record["SIFT_ENERGY_J"]) / float(record["SIFT_LATENCY_MS"]) * 1000
check("a request alone is charged the machine's measured energy while it ran", record["SIFT_ENERGY_STANDING"] == "measured"
      and near(watts, 30, 0.6), (watts, record["SIFT_LATENCY_MS"]))

page = cluster.metrics()
check("what requests took of the rail is counted by policy", f'siftd_request_rail_joules_total{{rail="{sensor.id}"' in page,
      [line for line in page.splitlines() if line.startswith("siftd_request_rail")])

# A machine that draws less under one of two policies which decide alike: the difference is the scenario's own, and so large that
# a host with other work, on which the same tokens take one second and then two, does not hide it.
WATTS = {"topk": 30, "siftmoe-slow": 9}


def requests():
    """Requests that ended, by policy."""
    return {policy: sum(float(line.split()[-1]) for line in cluster.metrics().splitlines()
                        if line.startswith(f'siftd_requests_total{{policy="{policy}"')) for policy in WATTS}


account = []  # (moment of the monotonic clock, watts from then on)


def draw(watts):
    sensor.set(watts)
    account.append((time.monotonic(), watts))


def follow():
    """Sets the power by the policy of the request that ended last: a block's first request still has the other's."""
    draw(30)
    seen = requests()
    while not is_over.wait(0.02):
        now = requests()
        for policy in WATTS:
            if now[policy] > seen[policy]:
                draw(WATTS[policy])
        seen = now


def joules(begin, until):
    """What the machine drew between two moments of the monotonic clock."""
    steps = account + [(until, 0)]
    return sum(max(0, min(b, until) - max(a, begin)) * watts for (a, watts), (b, _) in zip(steps, steps[1:]))


is_over = threading.Event()
follower = threading.Thread(target=follow)
journal.mark()
follower.start()
PAIRS, BLOCK, TOKENS = 10, 24, 24
found = json.loads(shell(f"siftctl compare topk siftmoe-slow:0 --block-requests {BLOCK} --block-seconds 0 --max-tokens {TOKENS} "
                         f"--pilot 3 --most-pairs {PAIRS} --keep /host/out/compare.jsonl --json 2>/host/out/compare-errors "
                         "| tee /host/out/compare.json", must=False) or "{}")
is_over.set()
follower.join()
saved = found.get("energy", {}).get("ratio", {})
check("compare says that one policy takes less, measured on the rail, with an interval that leaves none out",
      found.get("standing") == "measured" and saved.get("high", 1) < 1 and "measured on" in found.get("verdict", ""),
      found.get("verdict", found))
# What each policy's requests took, from when the journal says that they ran and what the machine drew then.
spent = {policy: [] for policy in WATTS}
for record in journal.records(REQUEST, "siftd"):
    ended = int(record["__MONOTONIC_TIMESTAMP"]) / 1e6
    spent[record["SIFT_POLICY"]].append(joules(ended - float(record["SIFT_LATENCY_MS"]) / 1000, ended))
for policy, side in (("topk", "first"), ("siftmoe-slow", "second")):
    # The last of them: those before were for warming up.
    counted = found.get(side, {}).get("requests", 0)
    truth = sum(spent[policy][-counted:]) / max(1, counted * TOKENS)
    said = found.get(side, {}).get("joules_per_token", 0)
    check(f"and charges {policy} what was drawn while its requests ran", counted >= 3 * BLOCK
          and near(said, truth, 0.05 * truth), (said, truth, counted))

sensor.set(30)
process = cluster.show(0, "MainPID")
journal.mark()
bus.detach(sensor.chip)
check("a sensor that is pulled out is announced, once", until(10, lambda: journal.records(RAIL, "siftd"))
      and not until(3, lambda: len(journal.records(RAIL, "siftd")) > 1), journal.records(RAIL, "siftd"))
record = served()
check("after the sensor was pulled out siftd goes on and still charges joules", float(record["SIFT_ENERGY_J"]) > 0
      and cluster.show(0, "MainPID") == process, record["SIFT_ENERGY_J"])
check("and no longer calls them measured", record["SIFT_ENERGY_STANDING"] != "measured", record["SIFT_ENERGY_STANDING"])
end()
