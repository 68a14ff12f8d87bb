"""What the scenarios of the bed share: siftctl as a value, checks that are counted, commands that must succeed.

Runs as root inside the bed's kernel. A scenario is a function of checks; the bed fails when one check fails or when a
scenario does not come to its end."""
import json
import os
import shutil
import subprocess
import sys
import time

# Out of the guest's own memory programs start faster than over the host's folder.
PROGRAMS = "/tmp/programs"
if not os.path.exists(PROGRAMS):
    shutil.copytree("/host/lib", PROGRAMS)
    shutil.copy("/host/siftctl", PROGRAMS)
ENVIRONMENT = dict(os.environ, LD_LIBRARY_PATH=PROGRAMS)
failed = []
passed = 0


def check(name, good, shown=""):
    """Counts one check and says what was seen."""
    global passed
    print(f"{'ok  ' if good else 'FAIL'}  {name}{': ' + str(shown) if shown != '' else ''}", flush=True)
    if good:
        passed += 1
    else:
        failed.append(name)


def near(value, wanted, tolerance):
    return value is not None and abs(value - wanted) <= tolerance


def shell(command, must=True):
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    if must and done.returncode != 0:
        raise SystemExit(f"{command}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def siftctl(*arguments, namespace=None, user=None):
    """Runs siftctl and reads its JSON."""
    command = [f"{PROGRAMS}/siftctl", *arguments, "--json"]
    if user:
        command = ["su", "-s", "/bin/sh", user, "-c", f"LD_LIBRARY_PATH={PROGRAMS} " + " ".join(command)]
    if namespace:
        command = ["ip", "netns", "exec", namespace, *command]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def start(*arguments, namespace=None):
    """Starts siftctl and leaves it running; `json.loads(process.communicate()[0])` gives its answer."""
    inside = ["ip", "netns", "exec", namespace] if namespace else []
    return subprocess.Popen(
        [*inside, f"{PROGRAMS}/siftctl", *arguments, "--json"], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)


def until(seconds, condition):
    """Waits for a condition, at most so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def end():
    print(f"{passed} checks passed, {len(failed)} failed", flush=True)
    sys.exit(1 if failed else 0)
