"""What happens to radios in real life, under a running siftd: it stays the same process, finds the link again, and says
what changed.

siftd is the gateway on a station (radio 1); its peers are the access point (radio 0) and a station behind it (radio 2)."""
# boots: systemd time-travel=inf-cpu
import time
from bed import check, end, shell, until
from cluster import Cluster, Journal
from radios import access_point_with_two_stations

LINK, RADIO = "08c75c95188d49fcb51614276508bd00", "6ee19704093240a48144aed535985184"

radios, medium = access_point_with_two_stations()
cluster = Cluster(radios, gateway=1, hosts=[0, 2], policy=["latency-ms = 200"])
journal = Journal()
cluster.start()
PEERS = {"host-0", "host-2"}
check("the gateway meets both expert hosts", until(60, lambda: cluster.peers() == PEERS), cluster.peers())
process = cluster.show(1, "MainPID")


# Longer than a level must stay before it is told: what is said twice is said within.
QUIET = 8


def levels(peer):
    """What was said of the link to a peer since the mark, oldest first."""
    return [record["SIFT_LINK"] for record in journal.records(LINK, "siftd") if record["SIFT_PEER"] == peer]


def is_good(level):
    return "through" in level and "no carrier" not in level and "silent" not in level


def changes():
    """What was said of radios and associations since the mark: kinds and words, oldest first."""
    return [(record["SIFT_CHANGE"], record["MESSAGE"]) for record in journal.records(RADIO, "siftd")]


until(10, lambda: all(levels(peer) for peer in PEERS))
time.sleep(QUIET)
check("the first look at each link is announced once", all(len(levels(peer)) == 1 for peer in PEERS),
      {peer: levels(peer) for peer in PEERS})
check("and tells the way", "direct through wlan1" in levels("host-0")[0] and "via-access-point" in levels("host-2")[0],
      (levels("host-0"), levels("host-2")))


def event(name, cause, mend=lambda: None, pause=0.0, told=(), is_lost=True):
    """Causes something, mends it, waits until siftd has its peers again and has nothing more to say, and checks what it said:
    of the link to each peer that it was lost, once, and that it is back, once, or nothing at all where the link stays; and of
    the radio the changes `told`, each once and in this order."""
    journal.mark()
    cause()
    time.sleep(pause)
    mend()
    check(f"{name}: the station is back", radios.until_connected(1) and radios.reaches(1, 0))
    check(f"{name}: the gateway has its peers again", until(60, lambda: cluster.peers() == PEERS), cluster.peers())
    time.sleep(QUIET)
    for peer in sorted(PEERS):
        said = levels(peer)
        if is_lost:
            check(f"{name}: the loss of the link to {peer} is announced once, and its return once",
                  [is_good(level) for level in said] == [False, True], said)
        else:
            check(f"{name}: the link to {peer} stays, and nothing is said of it", said == [], said)
    said = changes()
    check(f"{name}: of the radio is said, each once: {', '.join(told)}", [kind for kind, _ in said] == list(told), said)
    check(f"{name}: siftd goes on", cluster.show(1, "MainPID") == process and cluster.show(1, "NRestarts") == "0")
    status, body = cluster.complete("It was a truth", tokens=4, policy="topk")
    check(f"{name}: and answers with both peers' experts", status == 200 and body["sift"]["visits"] > 0
          and body["sift"]["experts"]["late"] == 0, body)


LOST_AND_BACK = ["disconnected", "connected"]


def deauthenticate():
    shell("hostapd_cli -p /run/ap0 -i wlan0 deauthenticate 02:00:00:00:01:00")
    until(10, lambda: not radios.connected(1))


event("deauthentication", deauthenticate, told=LOST_AND_BACK)


def hush():
    medium.both(0, 1, loss=1)
    check("without beacons the station gives its access point up", until(30, lambda: not radios.connected(1)))


event("access point lost", hush, lambda: medium.both(0, 1, loss="signal"), pause=1, told=["beacons-lost", *LOST_AND_BACK])

event("channel switch", lambda: shell("hostapd_cli -p /run/ap0 -i wlan0 chan_switch 5 2462"), pause=2, told=["channel"],
      is_lost=False)
check("channel switch: what is said names the new channel", [words for _, words in changes()] == ["wlan1: now on 2462 MHz"],
      changes())
channel = radios.inside(1, "iw dev wlan1 info")
check("channel switch: the station went along", "2462 MHz" in channel, channel)


def remove():
    radios.end_station(1)
    radios.inside(1, "iw dev wlan1 del")


def give_back():
    radios.inside(1, f"iw phy {radios.phys[1]} interface add wlan1 type managed")
    radios.station(1, frequencies="2437 2462")


event("interface removed and returned", remove, give_back, pause=1, told=["disconnected", "gone", "appeared", "connected"])


def rename():
    radios.end_station(1)
    shell("ip -n n1 link set wlan1 down; ip -n n1 link set wlan1 name air9")
    radios.names[1] = "air9"


event("renaming", rename, lambda: radios.station(1, frequencies="2437 2462"), pause=1,
      told=["disconnected", "renamed", "connected"])
check("renaming: the link goes through the new name", levels("host-0") and "air9" in levels("host-0")[-1], levels("host-0"))


def unload():
    for number in (1, 2):
        radios.end_station(number)
    radios.end_access_point(0)
    time.sleep(0.5)
    shell("rmmod mac80211_hwsim")


def load():
    radios.load()
    radios.access_point(0)
    radios.station(1)
    radios.station(2)
    check("driver reload: both stations associate again", radios.until_connected(1, 2))


event("driver reload", unload, load, pause=1, told=["disconnected", "gone", "appeared", "connected"])
medium.end()
end()
