"""siftd as the service it is installed as, on three nodes over the bed's Wi-Fi: started by its units under a user of its
own, asked through the socket that systemd holds, watched, killed, starved of its peers; and what it writes of that."""
# boots: systemd time-travel=inf-cpu
import os
import signal
import time
from bed import check, end, shell, until
from cluster import Cluster, Journal
from radios import access_point_with_two_stations

REQUEST, PEER_UP, PEER_DOWN = ("2f8e42080cdf48ef9638a63dc80658ae", "c8ee848625d14c748fb415234b813e97",
                               "49d6a9a105da46ea890fc93f036a14cf")
STARTED, STOPPING = "027ad3a20b284622b9a0ac75e679f513", "97d81a8cb1c0401690447825be481a18"
PROMPT = "In the beginning God created the heaven and the earth. And"

radios, medium = access_point_with_two_stations()

# A watchdog that bites within the scenario's time; everything else is as installed.
cluster = Cluster(radios, gateway=1, hosts=[0, 2], drop_in=["WatchdogSec=4", "RestartSec=100ms"])
journal = Journal()
cluster.start()
check("all three services start and say they are ready",
      all(cluster.show(number, "ActiveState") == "active" for number in range(3)),
      [cluster.show(number, "StatusText") for number in range(3)])


def pid():
    return int(cluster.show(1, "MainPID"))


def answers(**sift):
    status, body = cluster.complete(PROMPT, tokens=8, policy="topk", **sift)
    return status == 200 and body["usage"]["completion_tokens"] == 8


check("siftd runs as a user that exists only while it does", os.stat(f"/proc/{pid()}").st_uid >= 61184,
      os.stat(f"/proc/{pid()}").st_uid)
capabilities = next(line.split()[1] for line in open(f"/proc/{pid()}/status") if line.startswith("CapEff"))
check("and has no capability", int(capabilities, 16) == 0, capabilities)
check("that it serves is said once, with its message id", len(journal.messages(STARTED)) == 1, journal.messages(STARTED))
check("the gateway meets both expert hosts", until(30, lambda: cluster.peers() == {"host-0", "host-2"}), cluster.peers())
check("each of them is announced once", sorted(record["SIFT_PEER"] for record in journal.records(PEER_UP, "siftd"))
      == ["host-0", "host-2"], journal.messages(PEER_UP))

medium.forget()
status, body = cluster.complete(PROMPT, tokens=16, policy="topk")
check("a completion is answered over the air", status == 200 and body["usage"]["completion_tokens"] == 16
      and body["choices"][0]["text"].strip() != "", body)
air = medium.state()
check("and the experts of both hosts were visited by radio",
      body["sift"]["visits"] > 20 and body["sift"]["experts"]["late"] == 0
      and all(air[link]["octets"] > 5_000 for link in ("1>0", "0>1", "0>2", "2>0")),
      (body["sift"]["visits"], {link: air[link]["octets"] for link in air}))
[record] = journal.records(REQUEST, "siftd")
check("the journal has the request's record with its fields",
      record["SIFT_POLICY"] == "topk" and record["SIFT_OUTCOME"] == "completed" and record["SIFT_TOKENS_OUT"] == "16" and int(record["SIFT_VISITS"]) == body["sift"]["visits"]
      and float(record["SIFT_ENERGY_J"]) > 0 and record["SIFT_ENERGY_STANDING"] == "modelled"
      and float(record["SIFT_RADIO_J"]) > 0 and int(record["SIFT_BYTES_UP"]) == body["sift"]["bytes_up"],
      {name: value for name, value in record.items() if name.startswith("SIFT_")})
explained = shell(f"journalctl -q -x MESSAGE_ID={REQUEST}")
check("and journalctl explains it", "books are closed" in explained, explained)

# The socket is systemd's: a request that comes while the daemon is dead waits for the next one.
before, restarts = pid(), int(cluster.show(1, "NRestarts"))
os.kill(before, signal.SIGKILL)
check("killed, it is restarted, and the request that waited is answered", answers() and pid() != before
      and int(cluster.show(1, "NRestarts")) == restarts + 1, cluster.show(1, "NRestarts"))
check("and the hosts are found again", until(30, lambda: cluster.peers() == {"host-0", "host-2"}), cluster.peers())

journal.mark()
before = pid()
os.kill(before, signal.SIGSTOP)
check("stopped in its tracks, it is taken down by the watchdog and restarted",
      until(40, lambda: pid() not in (0, before)) and answers()
      and any("watchdog" in record["MESSAGE"].lower() for record in journal.records()),
      [record["MESSAGE"] for record in journal.records() if "atchdog" in record.get("MESSAGE", "")])

until(30, lambda: cluster.peers() == {"host-0", "host-2"})
journal.mark()
shell("systemctl stop siftd-host-2")
time.sleep(0.5)
check("without one of its hosts it answers, with what is left", answers())
check("the loss is announced once", until(20, lambda: journal.records(PEER_DOWN, "siftd") != []) and
      [record["SIFT_PEER"] for record in journal.records(PEER_DOWN, "siftd")] == ["host-2"], journal.messages(PEER_DOWN))
journal.mark()
shell("systemctl start siftd-host-2")
check("and so is its return", until(60, lambda: "host-2" in cluster.peers())
      and [record["SIFT_PEER"] for record in journal.records(PEER_UP, "siftd")] == ["host-2"], journal.messages(PEER_UP))

journal.mark()
shell("systemctl stop siftd.socket siftd")
check("asked to stop, it says so once and ends well", len(journal.messages(STOPPING)) == 1
      and cluster.show(1, "Result") == "success" and cluster.show(1, "ExecMainStatus") == "0", journal.messages(STOPPING))

with open(cluster.file(1), "a") as file:
    file.write("[nonsense]\n")
shell("systemctl start siftd", must=False)
time.sleep(1)
check("a bad configuration is refused with status 78 and not tried again", cluster.show(1, "ExecMainStatus") == "78"
      and cluster.show(1, "ActiveState") == "failed" and any("nonsense" in message for message in journal.messages()),
      (cluster.show(1, "ExecMainStatus"), journal.messages()[-2:]))
medium.end()
end()
