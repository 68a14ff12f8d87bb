"""Policies while one peer fades: deadlines missed and radio time at equal measured error.

The gateway is the access point. The way to one expert host fades as for somebody who walks (Rayleigh, 5 Hz); the other host
is steady. Every policy answers the same prompts within the same latency and over the same paths of the fading; the error of a
policy is what was booked, late experts included, as the mean square that the loss of quality follows; a deadline is missed by a visit
that is not back within the latency; the radio time is what the medium counted. A policy that takes an error budget is run under several.

Two settings that take turns have every error between theirs, and every cost in the same proportion; so a policy is compared by
what its settings, taking turns, cost at least for a mean square error no larger than the one asked for. Two policies with budgets are
compared at several errors that both reach, and with Top-K at its own measured error, which is that of late experts alone.

Deadlines are missed now and then, so their comparison wants many rounds: it is printed always, with an interval from drawing the
rounds again, and checked with BED_ROUNDS=8 or more. That of radio time with siftmoe-slow is checked always."""
# boots: systemd time-travel=inf-cpu
import json
import os
import random
import time
from bed import check, end, until
from cluster import Cluster
from radios import access_point_with_two_stations

# siftmoe's are root mean squares, siftmoe-slow's are limits of every token.
POLICIES = {"topk": [0.0], "siftmoe": [0.02, 0.05, 0.1, 0.15, 0.25], "siftmoe-slow": [0.02, 0.06, 0.12, 0.2, 0.3]}
LATENCY_MS, MEAN_DBM, DOPPLER_HZ = 40, -68, 5
ROUNDS, TOKENS, SETTLING_TOKENS = int(os.environ.get("BED_ROUNDS", "3")), 24, 400
PROMPTS = ["In the beginning God created the heaven and the earth. And", "It was a truth which Elizabeth could not",
           "The return value is a pointer to"]

radios, medium = access_point_with_two_stations()
cluster = Cluster(radios, gateway=0, hosts=[1, 2], policy=[f"latency-ms = {LATENCY_MS}"])
cluster.start()
check("the gateway meets both expert hosts", until(60, lambda: cluster.peers() == {"host-1", "host-2"}), cluster.peers())


def airtime():
    return sum(link["airtime_s"] for link in medium.state().values())


def ask(policy, budget, path=None):
    """Sums over the prompts: tokens, routed experts, those late, visits that missed their deadline, booked error, radio time.
    `path` names a path of the fading: the same for every policy, from the first prompt on."""
    sums = dict.fromkeys(("tokens", "routed", "late", "missed", "visits", "error", "air_s", "seconds", "radio_j"), 0.0)
    for at, prompt in enumerate(PROMPTS):
        # A peer that was lost under the last prompt is to be visited under this one.
        if not until(60, lambda: cluster.peers() == {"host-1", "host-2"}):
            raise SystemExit(f"before {policy}:{budget}: only {cluster.peers()} are connected")
        if path is not None and at == 0:
            medium.both(0, 1, mean=MEAN_DBM, k=0, doppler=DOPPLER_HZ, seed=path)
        air, begin = airtime(), time.monotonic()
        status, body = cluster.complete(prompt, TOKENS, policy=policy, error_budget=budget, latency_ms=LATENCY_MS)
        if status != 200:
            raise SystemExit(f"{policy}:{budget}: {body}")
        sift, experts, usage = body["sift"], body["sift"]["experts"], body["usage"]
        tokens = usage["prompt_tokens"] + usage["completion_tokens"]
        sums["tokens"] += tokens
        sums["routed"] += experts["local"] + experts["remote"] + experts["replaced"] + experts["skipped"]
        sums["late"] += experts["late"]
        sums["missed"] += sift["visits_late"]
        sums["visits"] += sift["visits"]
        sums["error"] += sift["error_rms"] ** 2 * tokens
        sums["air_s"] += airtime() - air
        sums["radio_j"] += sift["radio_j"]
        sums["seconds"] += time.monotonic() - begin
    return sums


# Once without fading, so that exchanges were measured before anything counts.
calm = ask("topk", 0.0)
check("without fading no deadline is missed", calm["missed"] == 0, calm)


def known_fading():
    return next(link["fading"] for link in cluster.request("GET", "/sift/links")[1]["links"] if link["peer_name"] == "host-1")


def settle(path):
    """Some seconds of traffic over the fading link, as on a machine that has served for a while: what siftd knows of it is from
    here, and from what the policies send."""
    medium.both(0, 1, mean=MEAN_DBM, k=0, doppler=DOPPLER_HZ, seed=f"{path} before")
    status, body = cluster.complete(PROMPTS[0], SETTLING_TOKENS, policy="topk", latency_ms=LATENCY_MS)
    if status != 200:
        raise SystemExit(f"before round {path + 1}: {body}")


ways = [medium.state()[link]["frames_by_access"] for link in ("0>1", "1>0")]
check("visits and their answers go by video's way of access", all(way["video"] > 500 for way in ways), ways)
runs = {(policy, budget): [] for policy, budgets in POLICIES.items() for budget in budgets}
for path in range(ROUNDS):  # interleaved, so that what drifts meets all alike
    settle(path)
    print(f"round {path + 1} of {ROUNDS}; what siftd knows of the fading: {known_fading()}", flush=True)
    for setting in runs:
        runs[setting].append(ask(*setting, path))
    print(f"and after it: {known_fading()}", flush=True)
    with open("/host/out/rounds.json", "w") as file:
        json.dump({f"{policy}:{budget}": rounds for (policy, budget), rounds in runs.items()}, file)


def figures(rounds):
    total = {name: sum(one[name] for one in rounds) for name in rounds[0]}
    error = total["error"] / total["tokens"]
    return {"error": error, "rms": error ** 0.5, "late_per_1000": 1000 * total["late"] / total["routed"],
            "missed_per_1000": 1000 * total["missed"] / total["tokens"],
            "air_ms_per_token": 1000 * total["air_s"] / total["tokens"], "visits_per_token": total["visits"] / total["tokens"],
            "tokens_per_s": total["tokens"] / total["seconds"]}


COLUMNS = ("rms", "missed_per_1000", "late_per_1000", "air_ms_per_token", "visits_per_token", "tokens_per_s")
COSTS = {"missed_per_1000": "misses fewer deadlines", "air_ms_per_token": "spends less radio time"}
measured = {setting: figures(rounds) for setting, rounds in runs.items()}


def at_error(table, policy, error):
    """Radio time and late experts of the settings of a policy that, taking turns, need the least radio time for a mean error no
    larger than `error`; None where every setting's is larger."""
    points = [table[policy, budget] for budget in POLICIES[policy]]
    found = [point for point in points if point["error"] <= error]
    for below in points:
        for above in points:
            if below["error"] <= error < above["error"]:
                share = (error - below["error"]) / (above["error"] - below["error"])
                found.append({cost: below[cost] + (above[cost] - below[cost]) * share for cost in COSTS})
    return min(found, key=lambda point: point["air_ms_per_token"], default=None)


def range_of(policy):
    errors = [measured[policy, budget]["error"] for budget in POLICIES[policy]]
    return min(errors), max(errors)


def common_errors(other):
    """Errors at which siftmoe is compared with another policy: seven that both reach by what they do."""
    if other == "topk":
        return [measured["topk", 0.0]["error"]]
    low = max(range_of("siftmoe")[0], range_of(other)[0])
    high = min(range_of("siftmoe")[1], range_of(other)[1])
    return [low + (high - low) * step / 6 for step in range(7)] if low < high else []


def ratio(table, other, cost, errors):
    """siftmoe's cost ÷ the other's, both summed over the errors that both reach; None where there is none."""
    pairs = [(at_error(table, "siftmoe", error), at_error(table, other, error)) for error in errors]
    pairs = [(ours[cost], theirs[cost]) for ours, theirs in pairs if ours and theirs]
    theirs = sum(pair[1] for pair in pairs)
    return sum(pair[0] for pair in pairs) / theirs if theirs else None


def interval(other, cost, errors, draws=400):
    """90 % of the ratios with rounds drawn again, the same for all policies."""
    chance, ratios = random.Random(1), []
    for _ in range(draws):
        drawn = [chance.randrange(ROUNDS) for _ in range(ROUNDS)]
        found = ratio({setting: figures([rounds[at] for at in drawn]) for setting, rounds in runs.items()}, other, cost, errors)
        if found is not None:
            ratios.append(found)
    ratios.sort()
    return (ratios[len(ratios) // 20], ratios[-1 - len(ratios) // 20]) if ratios else (None, None)


def row(name, point):
    print(f"{name:24}" + "".join(f"{point[column]:18.4f}" for column in COLUMNS))


print(f"Rayleigh fading at {DOPPLER_HZ} Hz around {MEAN_DBM} dBm to host-1, {LATENCY_MS} ms a layer, "
      f"{ROUNDS} rounds of {len(PROMPTS)} prompts and {TOKENS} tokens")
print(f"{'policy:budget':24}" + "".join(f"{column:>18}" for column in COLUMNS))
for (policy, budget), point in measured.items():
    row(f"{policy}:{budget}", point)
compared = {}
for other in ("siftmoe-slow", "topk"):
    errors = common_errors(other)
    for error in errors:
        print(f"at error {error:.4f}: siftmoe {at_error(measured, 'siftmoe', error)}, {other} {at_error(measured, other, error)}")
    for cost in COSTS:
        compared[other, cost] = ratio(measured, other, cost, errors), *interval(other, cost, errors)
        print(f"{cost}, siftmoe ÷ {other} at equal error: {compared[other, cost]}", flush=True)
with open("/host/out/deadlines.json", "w") as file:
    json.dump({"runs": {f"{policy}:{budget}": point for (policy, budget), point in measured.items()},
               "siftmoe": {f"{cost} ÷ {other}": found for (other, cost), found in compared.items()}}, file, indent=1)

check("fading makes Top-K miss deadlines", measured["topk", 0.0]["missed_per_1000"] > 0)
for cost, words in COSTS.items():
    ours = [measured["siftmoe", budget][cost] for budget in POLICIES["siftmoe"]]
    mean, top = sum(ours) / len(ours), measured["topk", 0.0][cost]
    check(f"on the mean of its budgets siftmoe {words} than topk", mean < top, (mean, top))
    for other in ("siftmoe-slow", "topk"):
        # Few rounds say little of deadlines, and of Top-K's error.
        if ROUNDS >= 8 or (other, cost) == ("siftmoe-slow", "air_ms_per_token"):
            found, low, high = compared[other, cost]
            check(f"at equal error siftmoe {words} than {other}", found is not None and found < 1, (found, low, high))
medium.end()
end()
