"""tools/deps, with package tools that only write down what they are asked."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "deps"


class DependencyTests(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="deps")
        self.addCleanup(shutil.rmtree, self.root)
        self.calls = os.path.join(self.root, "calls")
        for tool in "sh awk cat env mktemp rm".split():
            os.symlink(shutil.which(tool), os.path.join(self.root, tool))
        self.program("apt-get", f'echo "apt-get $*" >> {self.calls}')
        self.program("id", "echo 0")
        self.installed("*")

    def program(self, name, text):
        path = os.path.join(self.root, name)
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)

    def installed(self, *patterns):
        """Makes dpkg-query know the packages that match one of the shell's patterns."""
        cases = "|".join(patterns) or "''"
        self.program("dpkg-query", f'case $4 in {cases}) printf installed;; *) exit 1;; esac')

    def run_script(self, *arguments):
        result = subprocess.run(
            [SCRIPT, *arguments], env={"PATH": self.root}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=30,
        )
        calls = ""
        if os.path.exists(self.calls):
            with open(self.calls) as file:
                calls = file.read()
        return result, calls

    def test_nothing_is_done_or_said_when_nothing_is_missing(self):
        result, calls = self.run_script("test")
        self.assertEqual((result.returncode, result.stdout, result.stderr, calls), (0, "", "", ""))

    def test_root_installs_what_is_missing_and_nothing_else(self):
        self.installed("lib*", "c*", "g*", "p*", "t*")
        result, calls = self.run_script()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "deps: installing zlib1g-dev\n")
        self.assertEqual(
            calls, "apt-get update -qq\napt-get install -y -qq --no-install-recommends zlib1g-dev\n"
        )

    def test_others_install_with_sudo(self):
        self.installed("lib*", "c*", "g*", "p*", "t*")
        self.program("id", "echo 1000")
        self.program("sudo", f'echo "sudo $1" >> {self.calls}; exec "$@"')
        result, calls = self.run_script()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(calls.count("sudo"), 2)
        self.assertIn("apt-get install", calls)

    def test_without_sudo_it_says_what_to_run(self):
        self.installed("lib*", "c*", "g*", "p*", "t*")
        self.program("id", "echo 1000")
        result, calls = self.run_script()
        self.assertEqual((result.returncode, calls), (1, ""))
        self.assertEqual(result.stderr, "deps: as root, run: apt-get install zlib1g-dev\n")

    def test_apt_gets_words_are_shown_when_it_fails(self):
        self.installed("lib*", "c*", "g*", "p*", "t*")
        self.program("apt-get", 'echo "E: no network" >&2; exit 100')
        result, _ = self.run_script()
        self.assertEqual(result.returncode, 1)
        self.assertIn("E: no network", result.stderr)

    def test_elsewhere_than_on_debian_it_says_what_is_needed(self):
        os.remove(os.path.join(self.root, "apt-get"))
        result, _ = self.run_script()
        self.assertEqual(result.returncode, 0)
        self.assertIn("libsystemd-dev", result.stderr)


if __name__ == "__main__":
    unittest.main()
