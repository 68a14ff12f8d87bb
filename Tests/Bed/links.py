"""Links of the kernel's own Wi-Fi stack: access points and two stations with WPA2, on simulated radios in namespaces of their
own, and a medium that gives every frame the signal that the scenario asks for."""
# boots: time-travel=inf-cpu
import json
import time
from bed import check, end, near, shell, siftctl, start, until
from medium.client import Medium
from radios import Radios

TRACE = "/host/wifi-signal-1khz-moving.csv"
nothing = siftctl("links", "--peer", "ap=10.9.0.1")["links"]
check("without any Wi-Fi a peer has no way and no figures", [
    (link["peer_name"], link["topology"], link["signal_dbm"], link["noise_dbm"], link["fading"]["kind"]) for link in nothing]
      == [("ap", None, None, None, "unknown")], nothing)
radios = Radios(4)
medium = Medium(4)
radios.access_point(0)
for number in (1, 2):
    radios.station(number)
check("both stations associate with WPA2", radios.until_connected(1, 2))
check("packets go to the access point and between the stations",
      all(radios.reaches(*pair) for pair in ((1, 0), (2, 0), (1, 2))))
PEERS = ["--peer", "ap=10.9.0.1", "--peer", "other=10.9.0.3", "--peer", "self=10.9.0.2"]


def links(*arguments, namespace="n1", user=None):
    answer = siftctl("links", *arguments, namespace=namespace, user=user)["links"]
    return {link["peer_name"] or link["peer"]: link for link in answer}


found = links(*PEERS)
check("the access point is reached directly", found["ap"]["topology"] == "direct" and found["ap"]["source"] == "nl80211")
check("another station is reached through it", found["other"]["topology"] == "via-access-point", found["other"]["topology"])
check("an address of one's own is loopback", found["self"]["topology"] == "loopback" and found["self"]["signal_dbm"] is None)
check("the survey's noise of −92 dBm is read and not assumed",
      found["ap"]["noise_dbm"] == -92 and not found["ap"]["noise_assumed"], found["ap"]["noise_dbm"])
STATIONS = ["--peer", "one=10.9.0.2", "--peer", "two=10.9.0.3"]
stations = links(*STATIONS, namespace="n0")
check("the access point reaches both stations directly", all(stations[name]["topology"] == "direct" for name in ("one", "two")))
check("radios in another namespace are not seen", links(namespace=None) == {})
elsewhere = links("--peer", "ap=10.9.0.1", namespace=None)
check("and a peer behind one of them has no way and no figures", list(elsewhere) == ["ap"]
      and all(elsewhere["ap"][field] is None for field in ("interface", "topology", "signal_dbm", "noise_dbm", "snr_db")),
      elsewhere)
# In the namespace of the radio, but with the first one's sysfs, as a service without a mount of its own has it.
blind = json.loads(shell("nsenter --net=/run/netns/n1 env LD_LIBRARY_PATH=/tmp/programs /tmp/programs/siftctl links "
                         "--peer ap=10.9.0.1 --json"))["links"]
check("with another namespace's sysfs a way is not guessed, and no signal is a wrong one",
      all(link["topology"] in (None, "direct") and link["signal_dbm"] in (None, -40) for link in blind), blind)

# Every directed link has a level of its own, so that no reading can be right by chance.
traffic = [radios.traffic(1, 0), radios.traffic(2, 0)]
for base in (-40, -52, -66):
    sent = {(0, 1): base, (1, 0): base - 3, (0, 2): base - 6, (2, 0): base - 9}
    for (a, b), level in sent.items():
        medium.link(a, b, mean=level)
    heard = {(0, 1): links("--peer", "ap=10.9.0.1", "--watch-for", "0.3")["ap"],
             (0, 2): links("--peer", "ap=10.9.0.1", "--watch-for", "0.3", namespace="n2")["ap"]}
    stations = links(*STATIONS, "--watch-for", "0.3", namespace="n0")
    heard.update({(1, 0): stations["one"], (2, 0): stations["two"]})
    for pair, level in sent.items():
        check(f"{level} dBm from radio {pair[0]} to radio {pair[1]} is read within 1 dB",
              near(heard[pair]["signal_dbm"], level, 1) and heard[pair]["fresh"], heard[pair]["signal_dbm"])
    extensions = links("--wext", "--peer", "ap=10.9.0.1", "--watch-for", "0.3")["ap"]
    check(f"at {base} dBm the wireless extensions agree with nl80211 on the same radio",
          extensions["source"] == "wext" and near(extensions["signal_dbm"], heard[0, 1]["signal_dbm"], 1)
          and extensions["peer"] == heard[0, 1]["peer"] and extensions["interface"] == heard[0, 1]["interface"]
          and extensions["fresh"] and extensions["noise_assumed"], extensions)
private = links("--peer", "ap=10.9.0.1", user="nobody")["ap"]
check("no privilege is needed", near(private["signal_dbm"], -66, 1) and private["fresh"], private["signal_dbm"])


def step(old, new, delay):
    """The level that a watcher shows at its end, and how long before that the step happened; the watcher is started `delay`
    seconds before the step and watches for one."""
    medium.both(0, 1, mean=old)
    time.sleep(0.3)
    watcher = start("links", "--peer", "ap=10.9.0.1", "--watch-for", "1", namespace="n1")
    time.sleep(delay)
    changed = time.monotonic()
    medium.both(0, 1, mean=new)
    reading = json.loads(watcher.communicate()[0])["links"]
    took = time.monotonic() - changed
    return next(link["signal_dbm"] for link in reading if link["peer_name"] == "ap"), took


for old, new in ((-50, -60), (-60, -50)):
    # How long a program takes to start on a busy machine has to be found out: the step is to come 0.4 s before its end.
    delay, attempts = 0.8, []
    while len(attempts) < 15 and not (attempts and attempts[-1][0] == new and attempts[-1][1] <= 0.5):
        attempts.append(step(old, new, delay))
        delay = max(0, delay + attempts[-1][1] - 0.4)
    level, took = attempts[-1]
    check(f"a step from {old} to {new} dBm is in the snapshot within 0.5 s", level == new and took <= 0.5,
          f"{level} dBm {took:.2f} s after it, attempt {len(attempts)}")

# A channel that fades, for as long as the samples of one watch.
medium.both(0, 1, mean=-50, k=0, doppler=12)
rayleigh = links("--peer", "ap=10.9.0.1", "--watch-for", "6")["ap"]["fading"]
medium.both(0, 1, mean=-50, steady=True)
still = links("--peer", "ap=10.9.0.1", "--watch-for", "5")["ap"]["fading"]
check("a link with Rayleigh fading is told from one at rest",
      rayleigh["kind"] in ("slow", "fast") and rayleigh["k"] is not None and rayleigh["k"] < 3 and still["kind"] == "static",
      (rayleigh, still))
medium.link(0, 1, trace=TRACE)
recorded = links("--peer", "ap=10.9.0.1", "--watch-for", "0.6")["ap"]["signal_dbm"]
check("a recorded trace is replayed at its own level", -82 <= recorded <= -62, recorded)
medium.both(0, 1, mean=-50, steady=True)

medium.both(0, 1, loss=0.5)
radios.reaches(1, 0)
before = medium.state()["1>0"]
lossy = links("--peer", "ap=10.9.0.1", "--watch-for", "2")["ap"]["retry_ratio"]
after = medium.state()["1>0"]
tries, frames = after["tries"] - before["tries"], after["frames"] - before["frames"]
check("retries that the driver counts are those that the medium made",
      frames > 20 and near(lossy, (tries - frames) / tries, 0.15), (lossy, (tries - frames) / tries))
medium.both(0, 1, loss="signal")

# A second access point of the same network, on radio 3.
radios.access_point(3)
medium.both(1, 3, mean=-63)
check("a station roams to another access point", radios.roam(1, 3) and radios.reaches(1, 3))
roaming = radios.traffic(1, 3)
there = links("--watch-for", "0.5")
check("then that one's signal is shown, and the first is gone", list(there) == ["02:00:00:00:03:00"]
      and near(there["02:00:00:00:03:00"]["signal_dbm"], -63, 1), there)
roaming.kill()
check("and it roams back", radios.roam(1, 0) and radios.reaches(1, 0))
radios.end_access_point(3)

# A supplicant does not follow a change of name; what counts is that the monitor does.
radios.end_station(1)
shell(f"ip -n n1 link set {radios.names[1]} down; ip -n n1 link set {radios.names[1]} name air9")
radios.names[1] = "air9"
radios.station(1)
check("after a change of name the station associates again", radios.until_connected(1))
renamed = {}


def back():
    renamed.update(links("--peer", "ap=10.9.0.1", "--watch-for", "0.3"))
    return renamed["ap"]["signal_dbm"] == -50


check("and the link is there again under the new name", until(15, back) and renamed["ap"]["interface"] == "air9",
      renamed.get("ap"))
for process in traffic:
    process.kill()
shell("ip -n n1 link set air9 down")
gone = links("--peer", "ap=10.9.0.1")
check("an interface that is down leaves no signal behind", gone["ap"]["signal_dbm"] is None and gone["ap"]["topology"] is None, gone)
medium.end()
end()
