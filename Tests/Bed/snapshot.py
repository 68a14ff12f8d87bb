"""What a running siftd itself knows of the signals of its peers: three nodes on three radios, the gateway on the access point,
and the answers of its /sift/links compared with what the medium sends."""
# boots: systemd time-travel=inf-cpu
import time
from bed import check, end, near, until
from cluster import Cluster
from radios import access_point_with_two_stations

PEERS = {"host-1": 1, "host-2": 2}

radios, medium = access_point_with_two_stations()
cluster = Cluster(radios, gateway=0, hosts=[1, 2])
cluster.start()
check("the gateway meets both expert hosts", until(60, lambda: cluster.peers() == set(PEERS)), cluster.peers())


def snapshot():
    """What the daemon says of each peer."""
    status, answer = cluster.request("GET", "/sift/links")
    if status != 200:
        raise SystemExit(f"/sift/links: status {status}: {answer}")
    return {link["peer_name"]: link for link in answer["links"] if link["peer_name"]}


traffic = [radios.traffic(number, 0) for number in PEERS.values()]
# Every directed link has a level of its own, so that no reading can be right by chance.
for base in (-40, -52, -66):
    sent = {"host-1": base - 3, "host-2": base - 9}
    for peer, level in sent.items():
        medium.link(0, PEERS[peer], mean=base)
        medium.link(PEERS[peer], 0, mean=level)
    time.sleep(0.5)
    seen = snapshot()
    for peer, level in sent.items():
        link = seen[peer]
        check(f"siftd reads {level} dBm of {peer} within 1 dB, directly and of late",
              near(link["signal_dbm"], level, 1) and link["fresh"] and link["topology"] == "direct"
              and link["source"] == "nl80211", (link["signal_dbm"], link["age_s"], link["topology"]))


def step(peer, old, new, offset):
    """Seconds until the snapshot shows a step that comes `offset` after some poll; None after two. And levels in between."""
    medium.both(0, PEERS[peer], mean=old)
    until(5, lambda: snapshot()[peer]["signal_dbm"] == old)
    time.sleep(offset)
    changed, jumps = time.monotonic(), set()
    medium.both(0, PEERS[peer], mean=new)
    while time.monotonic() - changed < 2:
        level = snapshot()[peer]["signal_dbm"]
        took = time.monotonic() - changed
        if level == new:
            return took, jumps
        if level != old:
            jumps.add(level)
        time.sleep(0.005)
    return None, jumps


for peer in PEERS:
    for old, new in ((-50, -60), (-60, -50), (-62, -72), (-72, -62)):
        steps = [step(peer, old, new, 0.011 * turn) for turn in range(5)]
        took = [one[0] for one in steps]
        check(f"a step of {peer} from {old} to {new} dBm is in siftd's snapshot within 0.5 s, five times of five",
              all(seconds is not None and seconds <= 0.5 for seconds in took) and not any(one[1] for one in steps),
              " ".join("never" if seconds is None else f"{seconds:.3f}" for seconds in took))
for process in traffic:
    process.kill()
medium.end()
end()
