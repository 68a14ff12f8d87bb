"""Links of the kernel's own Wi-Fi stack: an access point and two stations on simulated radios in namespaces of their
own, and a medium in user space that gives every frame the signal that the scenario asks for."""
import os
import subprocess
import time
from bed import check, end, near, shell, siftctl, until

os.chdir("/tmp")
shell("modprobe mac80211_hwsim radios=3")
radios = []
for number, phy in enumerate(sorted(os.listdir("/sys/class/ieee80211"))):
    shell(f"ip netns add n{number}; iw phy {phy} set netns name n{number}; ip -n n{number} link set lo up")
    radios.append(shell(f"ip -n n{number} -o link | cut -d: -f2 | tr -d ' ' | grep wlan").strip())
with open("ap.conf", "w") as file:
    file.write(f"interface={radios[0]}\ndriver=nl80211\nssid=siftd-bed\nhw_mode=g\nchannel=6\nieee80211n=1\n")
shell("ip netns exec n0 hostapd -B -f /host/out/hostapd.log ap.conf")
for number in (1, 2):
    with open(f"station{number}.conf", "w") as file:
        file.write(f'ctrl_interface=/run/wpa{number}\nnetwork={{\n ssid="siftd-bed"\n key_mgmt=NONE\n scan_freq=2437\n}}\n')
    shell(f"ip netns exec n{number} wpa_supplicant -B -P /run/supplicant{number}.pid -i {radios[number]} -c station{number}.conf -D nl80211 "
          f"-f /host/out/station{number}.log")


def connected(number):
    return "Connected" in shell(f"ip netns exec n{number} iw dev {radios[number]} link", must=False)


check("both stations associate", until(30, lambda: connected(1) and connected(2)))
for number in range(3):
    shell(f"ip -n n{number} addr add 10.9.0.{number + 1}/24 dev {radios[number]}; ip -n n{number} link set {radios[number]} up")
shell("ip netns exec n1 ping -c 3 -i 0.2 -q 10.9.0.1; ip netns exec n1 ping -c 3 -i 0.2 -q 10.9.0.3; "
      "ip netns exec n0 ping -c 2 -i 0.2 -q 10.9.0.3")
PEERS = ["--peer", "ap=10.9.0.1", "--peer", "other=10.9.0.3", "--peer", "self=10.9.0.2"]


def links(*arguments, namespace="n1", user=None):
    answer = siftctl("links", *arguments, namespace=namespace, user=user)["links"]
    return {link["peer_name"] or link["peer"]: link for link in answer}


found = links(*PEERS)
check("the access point is reached directly", found["ap"]["topology"] == "direct" and found["ap"]["source"] == "nl80211")
check("another station is reached through it", found["other"]["topology"] == "via-access-point", found["other"]["topology"])
check("an address of one's own is loopback", found["self"]["topology"] == "loopback" and found["self"]["signal_dbm"] is None)
check("the built-in medium's −30 dBm are read", found["ap"]["signal_dbm"] == -30 and found["ap"]["fresh"], found["ap"]["signal_dbm"])
check("the survey's noise of −92 dBm is read and not assumed",
      found["ap"]["noise_dbm"] == -92 and not found["ap"]["noise_assumed"], found["ap"]["noise_dbm"])
stations = links("--peer", "one=10.9.0.2", "--peer", "two=10.9.0.3", namespace="n0")
check("the access point reaches both stations directly", all(stations[name]["topology"] == "direct" for name in ("one", "two")))
check("radios in another namespace are not seen", links(namespace=None) == {})

medium = subprocess.Popen(["python3", "/host/medium.py", "3"])
until(5, lambda: os.path.exists("/run/medium.sock"))
control = __import__("socket").socket(1, 2)  # AF_UNIX, SOCK_DGRAM


def air(sender, receiver, signal, loss=0):
    control.sendto(f"{sender} {receiver} {signal} {loss}".encode(), "/run/medium.sock")


traffic = subprocess.Popen(["ip", "netns", "exec", "n1", "ping", "-i", "0.02", "-q", "10.9.0.1"], stdout=subprocess.DEVNULL)
for signal in (-45, -55, -65, -85):
    air(0, 1, signal)
    air(1, 0, signal - 3)
    time.sleep(0.1)
    changed = time.monotonic()
    heard = links("--peer", "ap=10.9.0.1", "--watch-for", "0.2")["ap"]["signal_dbm"]
    took = time.monotonic() - changed
    check(f"{signal} dBm is read within 1 dB", near(heard, signal, 1), f"{heard} after {took:.2f} s")
    back = links("--peer", "one=10.9.0.2", "--watch-for", "0.2", namespace="n0")["one"]["signal_dbm"]
    check(f"and {signal - 3} dBm the other way", near(back, signal - 3, 1), back)
    extensions = links("--wext", "--peer", "ap=10.9.0.1", "--watch-for", "0.3")["ap"]
    check("the wireless extensions agree", extensions["source"] == "wext" and near(extensions["signal_dbm"], signal, 1)
          and extensions["peer"] == "02:00:00:00:00:00" and extensions["fresh"] and extensions["noise_assumed"], extensions)
private = links("--peer", "ap=10.9.0.1", user="nobody")["ap"]
check("no privilege is needed", near(private["signal_dbm"], -85, 1) and private["fresh"], private["signal_dbm"])

air(0, 1, -60)
air(1, 0, -60)
# A supplicant does not follow a change of name; what counts is that the monitor does.
shell(f"kill $(cat /run/supplicant1.pid); ip -n n1 link set {radios[1]} down; "
      f"ip -n n1 link set {radios[1]} name air9; ip -n n1 link set air9 up")
shell("ip netns exec n1 wpa_supplicant -B -i air9 -c station1.conf -D nl80211 -f /host/out/station1b.log")
radios[1] = "air9"
until(20, lambda: connected(1))
shell("ip -n n1 addr replace 10.9.0.2/24 dev air9")
renamed = {}


def back():
    renamed.update(links("--peer", "ap=10.9.0.1", "--watch-for", "0.3"))
    return renamed["ap"]["signal_dbm"] == -60


check("after a change of name the link is there again under the new one",
      until(10, back) and renamed["ap"]["interface"] == "air9", renamed.get("ap"))
traffic.kill()
shell("ip -n n1 link set air9 down")
gone = links("--peer", "ap=10.9.0.1")
check("an interface that is down leaves no signal behind", gone["ap"]["signal_dbm"] is None and gone["ap"]["topology"] is None, gone)
medium.kill()
end()
