"""siftd as a service on every node: the units of this project, its users and its journal, over the bed's radios.

The gateway is `siftd.service` with `siftd.socket`, as they are installed; an expert host is a copy of the unit under a name
of its own. A node's drop-in puts it into its network namespace and hands it its key."""
import atexit
import glob
import http.client
import json
import os
import shutil
import socket
from bed import shell

# Whatever becomes of a scenario, its journal is left to whoever looks for the cause.
atexit.register(lambda: shell("journalctl -q -o short-monotonic > /host/out/journal; journalctl -q -o json -t siftd > /host/out/journal.json", must=False))

UNITS = "/etc/systemd/system"
MODEL = "/srv/sift-reference-moe"


def install():
    """What `make install` does, with the libraries that the programs were built with."""
    for program in ("siftd", "siftctl"):
        shutil.copy(f"/host/{program}", f"/usr/bin/{program}")
    for library in glob.glob("/host/lib/*"):
        shutil.copy(library, "/usr/local/lib")
    shell("ldconfig")
    shutil.copytree("/host/sift-reference-moe", MODEL, ignore=shutil.ignore_patterns("text", "golden"))
    for unit in ("siftd.service", "siftd.socket"):
        shutil.copy(f"/host/systemd/{unit}", UNITS)
    os.makedirs("/usr/lib/systemd/catalog", exist_ok=True)
    shutil.copy("/host/systemd/siftd.catalog", "/usr/lib/systemd/catalog")
    shell("journalctl --update-catalog")


class Cluster:
    """A gateway and its hosts. `gateway` and `hosts` are numbers of radios, and `policy` the lines of the gateway's [policy]
    section. Without radios there is a gateway alone, in no namespace of its own."""

    def __init__(self, radios=None, gateway=0, hosts=(), policy=("latency-ms = 2000",), drop_in=()):
        self.radios, self.gateway = radios, gateway
        self.names = {gateway: "gateway", **{number: f"host-{number}" for number in hosts}}
        self.hosts = list(hosts)
        install()
        nodes = " ".join(f"--node {name}" for name in self.names.values())
        os.makedirs("/etc/siftd", 0o755, exist_ok=True)
        shell(f"siftctl certs --out /etc/siftd {nodes}; chmod a+r /etc/siftd/*.pem; chmod go= /etc/siftd/*-key.pem")
        share = 16 // (len(hosts) + 1)
        first = 16 - share * len(hosts)
        self.experts = {gateway: f"0-{first - 1}"}
        for at, number in enumerate(hosts):
            self.experts[number] = f"{first + at * share}-{first + (at + 1) * share - 1}"
        for number in self.names:
            self.write(number, policy, drop_in)
        shell("systemctl daemon-reload")

    def unit(self, number):
        return "siftd" if number == self.gateway else f"siftd-{self.names[number]}"

    def file(self, number):
        return f"/etc/siftd/{'siftd' if number == self.gateway else self.names[number]}.toml"

    def write(self, number, policy, drop_in):
        is_gateway = number == self.gateway
        with open(self.file(number), "w") as file:
            file.write(self.configuration(number, policy))
        if not is_gateway:
            with open(f"{UNITS}/siftd.service") as file:
                text = file.read().replace("/etc/siftd/siftd.toml", self.file(number))
            for folder in ("State", "Cache", "Runtime"):
                text = text.replace(f"{folder}Directory=siftd\n", f"{folder}Directory={self.unit(number)}\n")
            with open(f"{UNITS}/{self.unit(number)}.service", "w") as file:
                file.write(text)
        key = f"LoadCredential=node-key.pem:/etc/siftd/{self.names[number]}-key.pem"
        inside = self.namespace(number) if self.radios else []
        self.drop_in(f"{self.unit(number)}.service", "[Service]", [*inside, key, *drop_in])
        if is_gateway:
            self.drop_in("siftd.socket", "[Socket]", inside[:1])

    def namespace(self, number):
        # sysfs shows the interfaces of the namespace in which it was mounted.
        view = f"/run/sys{number}"
        os.makedirs(view, exist_ok=True)
        shell(f"nsenter --net=/run/netns/n{number} mount -t sysfs sysfs {view}")
        return [f"NetworkNamespacePath=/run/netns/n{number}", f"BindReadOnlyPaths={view}:/sys"]

    def drop_in(self, unit, section, lines):
        os.makedirs(f"{UNITS}/{unit}.d", exist_ok=True)
        with open(f"{UNITS}/{unit}.d/bed.conf", "w") as file:
            file.write("\n".join([section, *lines]) + "\n")

    def configuration(self, number, policy):
        is_gateway = number == self.gateway
        text = (f'[node]\nname = "{self.names[number]}"\nrole = "{"gateway" if is_gateway else "expert-host"}"\n'
                f'[model]\npath = "{MODEL}"\nname = "reference"\nexperts = ["{self.experts[number]}"]\nthreads = 1\n'
                f'[cluster]\ncertificate = "/etc/siftd/{self.names[number]}.pem"\nkey = "credential:node-key.pem"\n'
                f'authority = "/etc/siftd/ca.pem"\n')
        if not is_gateway:
            return text + f'listen = "{self.radios.address(number)}:7600"\n[api]\nsocket = ""\nlisten = ""\n'
        text += "[policy]\n" + "\n".join(policy) + "\n"
        for host in self.hosts:
            text += (f'[[peer]]\nname = "{self.names[host]}"\naddress = "{self.radios.address(host)}:7600"\n'
                     f'experts = ["{self.experts[host]}"]\n')
        return text

    def start(self):
        """Expert hosts first; each is ready when its start returns."""
        for number in self.hosts:
            shell(f"systemctl start {self.unit(number)}")
        shell("systemctl start siftd.socket siftd")

    def show(self, number, name):
        return shell(f"systemctl show {self.unit(number)} -p {name} --value").strip()

    def request(self, method, path, body=None, seconds=120):
        """Asks the gateway over its Unix socket. - Returns: status and JSON, or text."""
        connection = UnixConnection("/run/siftd.sock", seconds)
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        is_json = "json" in answer.getheader("Content-Type", "")
        return answer.status, json.loads(data) if is_json else data.decode()

    def status(self):
        return self.request("GET", "/sift/status")[1]

    def metrics(self):
        return self.request("GET", "/metrics")[1]

    def peers(self):
        """Names of the peers that are connected."""
        return {peer["name"] for peer in self.status()["peers"] if peer["connected"]}

    def complete(self, prompt, tokens=16, **sift):
        return self.request("POST", "/v1/completions", {
            "model": "reference", "prompt": prompt, "max_tokens": tokens, "temperature": 0, "sift": sift})


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, seconds):
        super().__init__("localhost", timeout=seconds)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Journal:
    """What was written to the journal since a moment."""

    def __init__(self):
        self.mark()

    def mark(self):
        """From now on."""
        shell("journalctl --sync")
        cursor = shell("journalctl -n 0 --show-cursor -q").strip()
        self.cursor = cursor.removeprefix("-- cursor: ")

    def records(self, message_id=None, unit=None):
        shell("journalctl --sync")
        # With matches on its command line journalctl leaves out the first entry after a cursor.
        lines = shell(f"journalctl -q -o json --after-cursor='{self.cursor}'").splitlines()
        return [record for record in map(json.loads, lines)
                if message_id in (None, record.get("MESSAGE_ID")) and unit in (None, unit_of(record))]

    def messages(self, message_id=None, unit="siftd"):
        return [record["MESSAGE"] for record in self.records(message_id, unit)]


def unit_of(record):
    return record.get("_SYSTEMD_UNIT", "").removesuffix(".service")
