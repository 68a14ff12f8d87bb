"""tools/swift, with a server on loopback that stands in for swift.org and a key of the test's own."""

import contextlib
import functools
import http.server
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import threading
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "swift"
NAME = "swift-6.3.1-RELEASE-debian12"
ARCHIVE = f"swift-6.3.1-release/debian12/swift-6.3.1-RELEASE/{NAME}.tar.gz"

# The swift in the fake toolchain: says its version, and otherwise what it was asked.
FAKE_SWIFT = """#!/bin/sh
[ "$1" = --version ] && { echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'; exit 0; }
echo "toolchain: $*"
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder. A file whose name stands in `cut` breaks off in the middle."""

    cut = frozenset()

    def log_message(self, *_):
        pass

    def copyfile(self, source, outputfile):
        if os.path.basename(self.path) in self.cut:
            outputfile.write(source.read(100))
        else:
            super().copyfile(source, outputfile)


@contextlib.contextmanager
def served(folder, cut=()):
    """An HTTP server of `folder` on a free port; yields its address."""
    handler = functools.partial(type("Cutting", (Handler,), {"cut": frozenset(cut)}), directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Keyring:
    """A throw-away key of GnuPG."""

    def __init__(self, folder, *made_at):
        self.home = folder
        os.makedirs(folder, mode=0o700)
        self.made_at = made_at
        self.gpg("--quick-gen-key", "Test <test@example.org>", "ed25519", "sign", "2d")
        listing = self.gpg("--list-keys", "--with-colons").decode()
        self.fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))

    def gpg(self, *arguments):
        command = ["gpg", "--homedir", self.home, "--batch", "--quiet", "--yes", "--passphrase", ""]
        return subprocess.run(
            [*command, *self.made_at, *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ).stdout

    def sign(self, path):
        self.gpg("--detach-sign", "--output", f"{path}.sig", path)

    def export(self, path):
        self.gpg("--armor", "--output", path, "--export")

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)


class ToolchainTests(unittest.TestCase):
    def setUp(self):
        # Short: the sockets of GnuPG's agent must fit into 107 bytes.
        self.root = tempfile.mkdtemp(prefix="sw", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.web = os.path.join(self.root, "web")
        self.toolchain = os.path.join(self.root, "toolchain")
        self.bin = self.tools_without_swift()
        self.archive = os.path.join(self.web, ARCHIVE)
        os.makedirs(os.path.dirname(self.archive))
        with open(os.path.join(self.root, "os-release"), "w") as file:
            file.write('ID=debian\nVERSION_ID="12"\n')
        self.pack(FAKE_SWIFT)
        self.keys = self.keyring("k")
        self.keys.sign(self.archive)
        self.keys.export(os.path.join(self.web, "keys.asc"))

    def keyring(self, name, *made_at):
        keys = Keyring(os.path.join(self.root, name), *made_at)
        self.addCleanup(keys.close)
        return keys

    def tools_without_swift(self):
        """A PATH with what the script needs and no Swift, and an apt-cache that knows none."""
        folder = os.path.join(self.root, "bin")
        os.makedirs(folder)
        for tool in (
            "sh awk cat curl dirname env gpg gpg-agent gpgconf grep gzip head id mkdir mktemp mv rm sed sort tar tr "
            "uname"
        ).split():
            os.symlink(shutil.which(tool), os.path.join(folder, tool))
        self.program(folder, "apt-cache", "#!/bin/sh\nexit 0\n")
        return folder

    @staticmethod
    def program(folder, name, text):
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def pack(self, swift):
        """Writes the archive as swift.org lays it out: one folder with usr/bin/swift."""
        tree = os.path.join(self.root, NAME)
        self.program(os.path.join(tree, "usr", "bin"), "swift", swift)
        with tarfile.open(self.archive, "w:gz") as archive:
            archive.add(tree, arcname=NAME)

    def run_script(self, *arguments, cut=(), path=None, **environment):
        with served(self.web, cut) as address:
            return subprocess.run(
                [SCRIPT, *arguments],
                env={
                    "PATH": path or self.bin,
                    "SIFTD_SWIFT_URL": address,
                    "SIFTD_SWIFT_KEYS_URL": f"{address}/keys.asc",
                    "SIFTD_SWIFT_KEYS": self.keys.fingerprint,
                    "SIFTD_SWIFT_TOOLCHAIN": self.toolchain,
                    "SIFTD_OS_RELEASE": os.path.join(self.root, "os-release"),
                    "SIFTD_MACHINE": "x86_64",
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )

    def assert_refused(self, result, words):
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(words, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertFalse(os.path.exists(self.toolchain), "something was left where the toolchain belongs")
        self.assertFalse(os.path.exists(self.toolchain + ".part"), "half a toolchain was left behind")

    def test_a_well_signed_toolchain_is_loaded_and_run(self):
        result = self.run_script("build", "-c", "release")
        self.assertEqual((result.returncode, result.stdout), (0, "toolchain: build -c release\n"), result.stderr)
        self.assertIn("loading http://127.0.0.1", result.stderr)
        self.assertIn(" MB) into", result.stderr)
        self.assertEqual(os.listdir(self.toolchain), ["usr"])

    def test_the_second_run_loads_nothing(self):
        self.run_script("--where")
        os.remove(self.archive)
        result = self.run_script("--where")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, f"{self.toolchain}/usr/bin/swift\n")

    def test_a_swift_on_the_path_that_is_new_enough_is_taken(self):
        own = os.path.join(self.root, "own")
        self.program(own, "swift", "#!/bin/sh\necho 'Swift version 6.2 (swift-6.2-RELEASE)'\n")
        result = self.run_script("--where", path=f"{own}:{self.bin}")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, f"{own}/swift\n", ""))

    def test_a_swift_on_the_path_that_is_too_old_is_passed_over(self):
        own = os.path.join(self.root, "own")
        self.program(own, "swift", "#!/bin/sh\necho 'Swift version 6.1.3 (swift-6.1.3-RELEASE)'\n")
        result = self.run_script("--where", path=f"{own}:{self.bin}")
        self.assertEqual(result.stdout, f"{self.toolchain}/usr/bin/swift\n", result.stderr)

    def test_the_distributions_swift_is_taken_when_it_is_new_enough(self):
        apt = os.path.join(self.root, "apt")
        os.makedirs(apt)
        self.program(apt, "apt-cache", "#!/bin/sh\necho '  Candidate: 6.2.1-1'\n")
        # What an installation does: a swift on the PATH. Root needs no sudo, others get one that passes everything on.
        self.program(apt, "sudo", '#!/bin/sh\nexec "$@"\n')
        install = "\n".join(
            ["#!/bin/sh", f"cat > {apt}/swift <<'.'", "#!/bin/sh", "echo Swift version 6.2.1", ".", f"chmod 755 {apt}/swift"]
        )
        self.program(apt, "apt-get", install + "\n")
        os.symlink(shutil.which("chmod"), os.path.join(apt, "chmod"))
        result = self.run_script("--where", path=f"{apt}:{self.bin}")
        self.assertEqual((result.returncode, result.stdout), (0, f"{apt}/swift\n"), result.stderr)
        self.assertIn("swiftlang 6.2.1", result.stderr)

    def test_a_distribution_whose_swift_is_too_old_is_not_asked_to_install_it(self):
        apt = os.path.join(self.root, "apt")
        self.program(apt, "apt-cache", "#!/bin/sh\necho '  Candidate: 6.0.3-2'\n")
        self.program(apt, "apt-get", f"#!/bin/sh\n: > {self.root}/installed\n")
        result = self.run_script("--where", path=f"{apt}:{self.bin}")
        self.assertEqual(result.stdout, f"{self.toolchain}/usr/bin/swift\n", result.stderr)
        self.assertFalse(os.path.exists(f"{self.root}/installed"))

    def test_an_archive_that_was_changed_after_signing_is_refused(self):
        self.pack(FAKE_SWIFT + "# changed\n")
        self.assert_refused(self.run_script("--where"), "is not that of Swift's release key")

    def test_a_signature_by_another_key_is_refused(self):
        other = self.keyring("o")
        other.sign(self.archive)
        # Even when the list of keys that the server hands out has the other key in it.
        other.export(os.path.join(self.web, "keys.asc"))
        self.assert_refused(self.run_script("--where"), "is not that of Swift's release key")

    def test_a_key_that_expired_after_signing_still_vouches(self):
        old = self.keyring("e", "--faked-system-time", "20240916T000000")
        old.sign(self.archive)
        old.export(os.path.join(self.web, "keys.asc"))
        result = self.run_script("--where", SIFTD_SWIFT_KEYS=f"{self.keys.fingerprint} {old.fingerprint}")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_missing_signature_is_refused(self):
        os.remove(self.archive + ".sig")
        self.assert_refused(self.run_script("--where"), "the signature could not be loaded from")

    def test_missing_keys_are_refused(self):
        os.remove(os.path.join(self.web, "keys.asc"))
        self.assert_refused(self.run_script("--where"), "cannot fetch Swift's public keys from")

    def test_a_truncated_download_is_refused(self):
        result = self.run_script("--where", cut=[os.path.basename(ARCHIVE)])
        self.assert_refused(result, "the toolchain could not be loaded from")

    def test_a_truncated_signature_is_refused(self):
        with open(self.archive + ".sig", "r+b") as file:
            file.truncate(20)
        self.assert_refused(self.run_script("--where"), "is not that of Swift's release key")

    def test_a_toolchain_that_does_not_run_is_refused(self):
        self.pack("#!/bin/sh\nexit 1\n")
        self.keys.sign(self.archive)
        self.assert_refused(self.run_script("--where"), "its swift does not run here")

    def test_a_server_that_is_not_there_is_named(self):
        os.remove(self.archive)
        self.assert_refused(self.run_script("--where"), "could not be loaded from http://127.0.0.1")

    def test_an_unknown_system_is_told_what_to_do(self):
        with open(os.path.join(self.root, "os-release"), "w") as file:
            file.write("ID=plan9\nVERSION_ID=4\n")
        result = self.run_script("--where")
        self.assert_refused(result, "is not published for this system")
        self.assertIn("https://www.swift.org/install/linux", result.stderr)

    def test_an_unknown_machine_is_told_what_to_do(self):
        self.assert_refused(self.run_script("--where", SIFTD_MACHINE="riscv64"), "is not published for riscv64")

    def test_each_system_and_machine_gets_its_own_archive(self):
        cases = [
            ("debian", "12", "x86_64", "debian12/swift-6.3.1-RELEASE/swift-6.3.1-RELEASE-debian12.tar.gz"),
            ("debian", "13", "x86_64", "debian12/swift-6.3.1-RELEASE/swift-6.3.1-RELEASE-debian12.tar.gz"),
            ("debian", "", "x86_64", "debian12/swift-6.3.1-RELEASE/swift-6.3.1-RELEASE-debian12.tar.gz"),
            ("debian", "12", "aarch64", "debian12-aarch64/swift-6.3.1-RELEASE/swift-6.3.1-RELEASE-debian12-aarch64.tar.gz"),
            ("ubuntu", "24.04", "x86_64", "ubuntu2404/swift-6.3.1-RELEASE/swift-6.3.1-RELEASE-ubuntu24.04.tar.gz"),
            (
                "ubuntu", "22.04", "aarch64",
                "ubuntu2204-aarch64/swift-6.3.1-RELEASE/swift-6.3.1-RELEASE-ubuntu22.04-aarch64.tar.gz",
            ),
        ]
        for system, release, machine, path in cases:
            with self.subTest(system=system, release=release, machine=machine):
                with open(os.path.join(self.root, "os-release"), "w") as file:
                    file.write(f"ID={system}\n" + (f"VERSION_ID={release}\n" if release else ""))
                os.rename(self.web, self.web + ".away")
                try:
                    os.mkdir(self.web)
                    result = self.run_script("--where", SIFTD_MACHINE=machine)
                finally:
                    shutil.rmtree(self.web)
                    os.rename(self.web + ".away", self.web)
                self.assertIn(f"/swift-6.3.1-release/{path}", result.stderr)

    def test_an_old_debian_is_refused(self):
        with open(os.path.join(self.root, "os-release"), "w") as file:
            file.write('ID=debian\nVERSION_ID="11"\n')
        self.assert_refused(self.run_script("--where"), "is not published for this system")


if __name__ == "__main__":
    unittest.main()
