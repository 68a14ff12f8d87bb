"""Radios of mac80211_hwsim in network namespaces, and the access points and stations on them.

Radio N lives in the namespace nN and has the address 10.9.0.(N+1) there."""
import os
import subprocess
import time
from bed import check, shell, until
from medium.client import Medium

SSID, SECRET = "siftd-bed", "a secret of the bed"


class Radios:
    """All radios of one driver."""

    def __init__(self, count):
        self.count, self.names, self.phys = count, {}, {}
        for number in range(count):
            shell(f"ip netns add n{number}; ip -n n{number} link set lo up")
        self.load()

    def load(self):
        """Loads the driver and gives every radio to its namespace."""
        shell(f"modprobe mac80211_hwsim radios={self.count}")
        self.adopt()

    def adopt(self):
        """Gives the radios that are in the first namespace to their own."""
        def order(phy):
            with open(f"/sys/class/ieee80211/{phy}/macaddress") as file:
                return file.read()

        for number, phy in enumerate(sorted(os.listdir("/sys/class/ieee80211"), key=order)):
            self.phys[number] = phy
            shell(f"iw phy {phy} set netns name n{number}")
            self.names[number] = self.interface(number)

    def reload(self):
        """Takes the driver out, with every interface, and puts it back."""
        shell("rmmod mac80211_hwsim")
        time.sleep(0.5)
        self.load()

    def interface(self, number):
        """The name of a radio's interface now; "" when it has none."""
        return shell(f"ip netns exec n{number} iw dev | sed -n 's/^.Interface //p' | head -1").strip()

    def inside(self, number, command, must=True):
        return shell(f"ip netns exec n{number} {command}", must=must)

    def address(self, number):
        return f"10.9.0.{number + 1}"

    def up(self, number):
        """Gives the interface its address."""
        name = self.names[number]
        shell(f"ip -n n{number} link set {name} up; ip -n n{number} addr replace {self.address(number)}/24 dev {name}")

    def access_point(self, number, channel=6):
        """With WPA2 and the rates of 802.11g's OFDM. Not 802.11n: aggregated frames bring hwsim's rate control no status, so
        it would stay with the first rate for ever."""
        with open(f"/tmp/ap{number}.conf", "w") as file:
            file.write(f"interface={self.names[number]}\ndriver=nl80211\nssid={SSID}\nhw_mode=g\nchannel={channel}\n"
                       "supported_rates=60 90 120 180 240 360 480 540\nbasic_rates=60 120 240\nwmm_enabled=1\n"
                       "wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\n"
                       f"wpa_passphrase={SECRET}\nctrl_interface=/run/ap{number}\n")
        shell(f"ip netns exec n{number} hostapd -B -P /run/ap{number}.pid -f /host/out/ap{number}.log /tmp/ap{number}.conf")
        self.up(number)

    def end_access_point(self, number):
        shell(f"kill $(cat /run/ap{number}.pid)")

    def station(self, number, frequencies="2437"):
        with open(f"/tmp/station{number}.conf", "w") as file:
            file.write(f'ctrl_interface=/run/wpa{number}\nnetwork={{\n ssid="{SSID}"\n psk="{SECRET}"\n'
                       f" scan_freq={frequencies}\n}}\n")
        shell(f"ip netns exec n{number} wpa_supplicant -B -P /run/station{number}.pid -i {self.names[number]} "
              f"-c /tmp/station{number}.conf -D nl80211 -f /host/out/station{number}.log")
        self.up(number)

    def end_station(self, number):
        shell(f"kill $(cat /run/station{number}.pid)", must=False)

    def connected(self, number):
        """Associated, authenticated and with keys: frames get through."""
        state = self.inside(number, f"wpa_cli -p /run/wpa{number} -i {self.names[number]} status", must=False)
        return "wpa_state=COMPLETED" in state

    def roam(self, number, access_point, seconds=30):
        """Sends a station to another access point of the same network. - Returns: true once it is there."""
        target = f"02:00:00:00:{access_point:02x}:00"
        command = f"wpa_cli -p /run/wpa{number} -i {self.names[number]}"
        self.inside(number, f"{command} scan", must=False)
        until(seconds, lambda: target in self.inside(number, f"{command} scan_results", must=False))
        self.inside(number, f"{command} roam {target}")
        return until(seconds, lambda: f"bssid={target}" in self.inside(number, f"{command} status", must=False)
                     and self.connected(number))

    def until_connected(self, *numbers, seconds=60):
        return until(seconds, lambda: all(self.connected(number) for number in numbers))

    def reaches(self, number, other, seconds=20):
        """A packet comes back within so long."""
        return until(seconds, lambda: "1 received" in self.inside(
            number, f"ping -c 1 -W 1 -q {self.address(other)}", must=False))

    def traffic(self, number, other, spacing=0.02):
        """Packets there and back until the process is killed."""
        return subprocess.Popen(["ip", "netns", "exec", f"n{number}", "ping", "-i", str(spacing), "-q", self.address(other)],
                                stdout=subprocess.DEVNULL)


def access_point_with_two_stations():
    """Radio 0 is the access point, 1 and 2 are stations behind it, and all hear one another well. - Returns: radios, medium."""
    radios = Radios(3)
    medium = Medium(3)
    medium.link("*", "*", mean=-50)
    radios.access_point(0)
    radios.station(1)
    radios.station(2)
    check("both stations associate with WPA2", radios.until_connected(1, 2))
    check("packets go between all three", all(radios.reaches(*pair) for pair in ((1, 0), (2, 0), (1, 2))))
    return radios, medium
