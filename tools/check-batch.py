#!/usr/bin/env python3
"""Compares `siftctl select`, kind "batch", with an integer-programming solver (HiGHS through scipy) on seeded instances.

    tools/check-batch.py SIFTCTL                      300 instances of up to 16 tokens, against the solver
    tools/check-batch.py SIFTCTL --tokens 64 --own    instances of 64 tokens, against the answers' own bounds

The instances have linear, convex, concave and stepped radio tables, replicas, loads, wake prices, tight and loose
latencies, limits of single tokens, forbidden operations, whole-number distances that tie, and no solution at all.
What the solver found is kept in a file (--cache), so that a second run, or one that was interrupted, is quick.

Prints the distribution of the gaps. Exit status 1 when an answer is infeasible where a solution exists, or the other
way round; when a lower bound lies above the optimum; when figures are not what the choices add up to; or when the gaps
pass their limits: to the optimum 1 % in the median and 5 % in the worst, to the own bound (--own) 3 % in the median.
Needs numpy and scipy (tools/deps optimum).
"""
import argparse, hashlib, json, math, os, subprocess, sys, time
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix


# What is drawn.

def table(r, m, unit):
    """The cost of serving 0 to m tokens: linear, a dear first token and cheap others, convex, or in steps."""
    count = np.arange(m + 1)
    kind = r.integers(0, 5)
    if kind == 0:
        t = unit * count
    elif kind == 1:
        t = np.where(count > 0, unit * (1.0 + 0.4 * count), 0)
    elif kind == 2:
        t = unit * count * (1 + 0.08 * count)
    elif kind == 3:
        t = unit * 1.5 * np.sqrt(count)
    else:
        t = unit * (np.ceil(count / r.integers(2, 6)) * 1.5 + 0.1 * count)
    return [float(x) for x in t]


def instance(seed, tokens_max, tokens=None):
    r = np.random.default_rng(seed)
    experts, nodes, k = int(r.integers(4, 13)), int(r.integers(1, 5)), int(r.integers(1, 5))
    m = tokens or int(r.integers(1, tokens_max + 1))
    k = min(k, experts)
    distance = r.random((experts, experts)) * r.choice([0.5, 1.0])
    np.fill_diagonal(distance, 0)
    skip = r.random(experts) * 0.8 + 0.4
    if r.random() < 0.25:
        distance, skip = np.round(distance * 4) / 4, np.round(skip * 4) / 4
    homes = r.integers(0, nodes + 1, experts)
    hosted = [[int(e) for e in range(experts) if homes[e] == n or r.random() < 0.1] for n in range(nodes + 1)]
    has_loads = r.random() < 0.4

    def place(n):
        p = dict(experts=hosted[n], compute_j=float(r.choice([0, 1e-5, 2e-4]) * r.random()),
                 compute_s=float(r.choice([0, 2e-4]) * r.random()))
        if has_loads and r.random() < 0.8:
            p |= dict(load_j=float(r.choice([3e-4, 1e-3]) * r.random()), load_s=float(r.choice([0, 5e-4]) * r.random()))
        return p

    local = place(0)
    others = [place(n) | dict(id=f"n{n}", radio_j=table(r, m, 1e-3 * (0.3 + r.random())),
                              airtime_s=table(r, m, 1e-3 * (0.3 + r.random()))) for n in range(1, nodes + 1)]
    routed = []
    for _ in range(m):
        w = r.random(k) + 0.05
        w = np.sort(w / w.sum())[::-1]
        routed.append(dict(routed=[dict(expert=int(e), weight=float(x)) for e, x in zip(r.choice(experts, k, replace=False), w)]))
    worst = sum(n["airtime_s"][m] for n in others)
    p = dict(version=1, kind="batch", experts=experts, tokens=routed, distance=distance.tolist(), skip_distance=skip.tolist(),
             allow_skip=bool(r.random() < 0.85), allow_replace=bool(r.random() < 0.9), local=local, nodes=others,
             error_budget=float(r.choice([0, 0.05, 0.15, 0.3]) * (0.5 + r.random())),
             latency_s=float(worst * r.choice([0.05, 0.2, 0.5, 2]) + r.choice([1e-4, 2e-3])))
    if r.random() < 0.5:
        p |= dict(remote_wake_j=float(2e-3 * r.random()), remote_wake_s=float(1e-3 * r.random()))
    if r.random() < 0.5:
        p["error_max"] = float(p["error_budget"] * (1 + 2 * r.random()) + r.choice([0, 0.05]))
    return p


# The integer programme.

class Programme:
    def __init__(self):
        self.names, self.cost, self.integral, self.upper = {}, [], [], []
        self.rows, self.low, self.high = [], [], []

    def variable(self, key, cost=0.0, integral=True, upper=1.0):
        if key not in self.names:
            self.names[key] = len(self.cost)
            self.cost.append(cost), self.integral.append(integral), self.upper.append(upper)
        return self.names[key]

    def row(self, coefficients, low, high):
        self.rows.append(coefficients), self.low.append(low), self.high.append(high)

    def solve(self, seconds):
        entries = [(i, at, c) for i, row in enumerate(self.rows) for at, c in row.items()]
        rows, columns, values = zip(*entries)
        matrix = coo_matrix((values, (rows, columns)), shape=(len(self.rows), len(self.cost))).tocsr()
        return milp(np.array(self.cost), integrality=np.array(self.integral, dtype=int), bounds=Bounds(0, np.array(self.upper)),
                    constraints=LinearConstraint(matrix, self.low, self.high), options=dict(time_limit=seconds, mip_rel_gap=1e-6))


def programme(p, shrink=0.0):
    """x: (token, rank, option); y: a token executes an expert at a place; z: a token goes to a node; l: an expert is loaded.

    Joules and seconds are scaled, because the solver's tolerances are absolute."""
    q = Programme()
    tokens, places = p["tokens"], [p["local"]] + p["nodes"]
    m, joule, second = len(tokens), 1e4, 100 / max(p["latency_s"], 1e-9)
    error, work = {}, [dict() for _ in places]
    for t, token in enumerate(tokens):
        own = {}
        for r in token["routed"]:
            e, w, options = r["expert"], r["weight"], {}
            skip = p["skip_distance"][e] if p["allow_skip"] else math.inf
            if p["allow_skip"]:
                v = q.variable(("x", t, e, None))
                options[v], own[v] = 1, w * skip
            for n, place in enumerate(places):
                for j in place["experts"]:
                    # What is no nearer than a skip, which costs nothing, is in no cheapest decision.
                    if (j != e and not p["allow_replace"]) or p["distance"][e][j] >= skip:
                        continue
                    v = q.variable(("x", t, e, (n, j)))
                    options[v], own[v] = 1, w * p["distance"][e][j]
                    y = q.variable(("y", t, n, j), place["compute_j"] * joule)
                    load = q.variable(("l", n, j), place.get("load_j", 0) * joule)
                    work[n][y], work[n][load] = place["compute_s"] * second, place.get("load_s", 0) * second
                    q.row({v: 1, y: -1}, -math.inf, 0)
                    q.row({y: 1, load: -1}, -math.inf, 0)
                    if n > 0:
                        q.row({y: 1, q.variable(("z", t, n)): -1}, -math.inf, 0)
            if not options:
                return None
            q.row(options, 1, 1)
        error |= own
        if "error_max" in p:
            q.row({v: 100 * c for v, c in own.items()}, -math.inf, 100 * p["error_max"] * (1 - shrink))
    q.row({v: 100 * c for v, c in error.items()}, -math.inf, 100 * p["error_budget"] * m * (1 - shrink))
    wake = q.variable("wake", p.get("remote_wake_j", 0) * joule)
    slowest = q.variable("slowest", 0, False, math.inf)
    latency = {wake: p.get("remote_wake_s", 0) * second, slowest: 1}
    for n, place in enumerate(places):
        if work[n]:
            q.row(work[n] | {slowest: -1}, -math.inf, 0)
        if n == 0:
            continue
        counts = [q.variable(("m", n, c), place["radio_j"][c] * joule) for c in range(m + 1)]
        q.row({v: 1 for v in counts}, 1, 1)
        served = {v: float(c) for c, v in enumerate(counts)}
        for t in range(m):
            if ("z", t, n) in q.names:
                served[q.names[("z", t, n)]] = -1.0
                q.row({q.names[("z", t, n)]: 1, wake: -1}, -math.inf, 0)
        q.row(served, 0, 0)
        for c, v in enumerate(counts):
            latency[v] = place["airtime_s"][c] * second
    q.row(latency, -math.inf, p["latency_s"] * second * (1 - shrink))
    return q


def optimum(p, seconds):
    """{"energy", "bound"} of the best decision, "energy" None where there is none, "bound" below "energy" where the time ran out."""
    for shrink in (0.0, 2e-7, 2e-6):
        q = programme(p, shrink)
        if q is None:
            return dict(energy=None, bound=math.inf)
        s = q.solve(seconds)
        if s.status == 2:
            return dict(energy=None, bound=math.inf)
        if s.x is None:
            return dict(energy=math.inf, bound=(s.mip_dual_bound or 0) / 1e4)
        answer = decision(p, q, s.x)
        # The solver keeps limits to about 1e-8; a decision that only it accepts is no decision.
        if not broken(p, added_up(p, answer)):
            return dict(energy=added_up(p, answer)[0], bound=min(s.mip_dual_bound / 1e4, added_up(p, answer)[0]))
    return dict(energy=math.inf, bound=(s.mip_dual_bound or 0) / 1e4)


def decision(p, q, x):
    ids = ["local"] + [n["id"] for n in p["nodes"]]
    answer = []
    for t, token in enumerate(p["tokens"]):
        choices = []
        for r in token["routed"]:
            taken = max((key for key in q.names if key[0] == "x" and key[1:3] == (t, r["expert"])), key=lambda key: x[q.names[key]])[3]
            choices.append(dict(expert=r["expert"], target=None if taken is None else taken[1], node=None if taken is None else ids[taken[0]]))
        answer.append(dict(choices=choices))
    return dict(tokens=answer)


# What a decision costs, by the format's definition.

def added_up(p, answer):
    places = {"local": p["local"]} | {n["id"]: n for n in p["nodes"]}
    pairs, served, errors = {}, {}, []
    for t, (token, own) in enumerate(zip(p["tokens"], answer["tokens"])):
        e = 0.0
        for r, c in zip(token["routed"], own["choices"]):
            assert r["expert"] == c["expert"]
            if c["target"] is None:
                assert p["allow_skip"]
                e += r["weight"] * p["skip_distance"][r["expert"]]
                continue
            assert c["target"] in places[c["node"]]["experts"] and (p["allow_replace"] or c["target"] == r["expert"])
            e += r["weight"] * p["distance"][r["expert"]][c["target"]]
            pairs.setdefault(c["node"], set()).add((t, c["target"]))
            served.setdefault(c["node"], set()).add(t)
        errors.append(e)
    energy, air, slow, remote = 0.0, 0.0, 0.0, False
    for name, place in places.items():
        executed = pairs.get(name, set())
        distinct = len({j for _, j in executed})
        energy += len(executed) * place["compute_j"] + distinct * place.get("load_j", 0)
        slow = max(slow, len(executed) * place["compute_s"] + distinct * place.get("load_s", 0))
        if name != "local" and served.get(name):
            remote = True
            energy += place["radio_j"][len(served[name])]
            air += place["airtime_s"][len(served[name])]
    if remote:
        energy += p.get("remote_wake_j", 0)
        air += p.get("remote_wake_s", 0)
    return energy, air + slow, float(np.mean(errors)), max(errors)


def broken(p, sums):
    _, latency, mean, worst = sums
    slack = 1 + 1e-9
    limits = ((mean, p["error_budget"]), (worst, p.get("error_max", math.inf)), (latency, p["latency_s"]))
    return any(value > limit * slack + 1e-12 for value, limit in limits)


# The comparison.

class Cache:
    """The solver's answers by the hash of their problem, one JSON line each."""

    def __init__(self, path):
        self.path, self.known = path, {}
        if path and os.path.exists(path):
            for line in open(path):
                try:
                    entry = json.loads(line)
                    self.known[entry["problem"]] = entry
                except ValueError:
                    continue  # the last line of a run that was killed

    def optimum(self, p, seconds):
        key = hashlib.sha256(json.dumps([2, p], sort_keys=True).encode()).hexdigest()
        entry = self.known.get(key)
        if entry is None or (entry["energy"] is not None and entry["bound"] < entry["energy"] * (1 - 1e-5) and entry["seconds"] < seconds):
            entry = dict(problem=key, seconds=seconds) | optimum(p, seconds)
            self.known[key] = entry
            if self.path:
                with open(self.path, "a") as file:
                    file.write(json.dumps(entry) + "\n")
        return entry


class Report:
    def __init__(self):
        self.bad, self.gaps, self.own, self.infeasible, self.unproved, self.optimal = [], [], [], 0, 0, 0

    def judge(self, seed, p, a, best):
        """`best`: the solver's answer, nil when only the own bound is asked for."""
        if best is not None and best["energy"] is None:
            self.infeasible += 1
            if a["feasible"]:
                self.bad.append((seed, "answers what the solver calls infeasible"))
            return
        if not a["feasible"]:
            if best is None or best["energy"] == math.inf:
                self.infeasible += 1
            else:
                self.bad.append((seed, f"calls infeasible what costs {best['energy']} J"))
            return
        sums = added_up(p, a)
        for name, said, own in zip(("energy_j", "latency_s", "error_mean", "error_worst"),
                                   (a["energy_j"], a["latency_s"], a["error_mean"], a["error_worst"]), sums):
            if abs(said - own) > 1e-9 * max(abs(own), 1e-12) + 1e-15:
                self.bad.append((seed, f"{name} says {said}, adds up to {own}"))
        if broken(p, sums):
            self.bad.append((seed, "breaks a limit"))
        self.own.append((seed, gap(sums[0], a["lower_bound_j"])))
        if a["lower_bound_j"] > sums[0] * (1 + 1e-9):
            self.bad.append((seed, f"bound {a['lower_bound_j']} above its own energy {sums[0]}"))
        if best is None:
            return
        if a["lower_bound_j"] > best["energy"] * (1 + 1e-9) + 1e-15:
            self.bad.append((seed, f"bound {a['lower_bound_j']} above the optimum {best['energy']}"))
        if best["bound"] < best["energy"] * (1 - 1e-5):
            # Where the solver ran out of time the optimum lies between its bound and the better of the two decisions.
            self.unproved += 1
            if sums[0] <= best["energy"]:
                self.gaps.append((seed, 0.0))
                return
        if sums[0] < best["energy"] * (1 - 1e-6) and best["bound"] >= best["energy"] * (1 - 1e-5):
            self.bad.append((seed, f"{sums[0]} J where the solver proved {best['energy']}"))
        self.gaps.append((seed, gap(sums[0], best["energy"])))

    def distribution(self, title, gaps):
        if not gaps:
            return f"{title}: none"
        values = np.array([g for _, g in gaps])
        worst = sorted(gaps, key=lambda g: -g[1])[:5]
        marks = ", ".join(f"{q:.0%} {np.quantile(values, q):.3%}" for q in (0.5, 0.75, 0.9, 0.95, 0.99))
        exact = np.mean(values <= 1e-9)
        return (f"{title}: mean {values.mean():.3%}; quantiles {marks}; worst {values.max():.3%}; none at all {exact:.1%}; "
                f"worst instances {', '.join(f'{s} ({g:.2%})' for s, g in worst)}")


def gap(energy, reference):
    return max(0.0, (energy - reference) / energy) if energy > 1e-15 else 0.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("siftctl", help="the program to check")
    parser.add_argument("--instances", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--tokens-max", type=int, default=16)
    parser.add_argument("--tokens", type=int, help="exactly so many tokens")
    parser.add_argument("--own", action="store_true", help="without the solver: gaps to the answers' own bounds")
    parser.add_argument("--seconds", type=float, default=60, help="the solver's time for one instance")
    parser.add_argument("--cache", default=".build/check-batch.jsonl", help="what the solver found; empty for none")
    return parser.parse_args()


def main():
    asked = arguments()
    if asked.cache and os.path.dirname(asked.cache):
        os.makedirs(os.path.dirname(asked.cache), exist_ok=True)
    cache, report, begin = Cache(asked.cache), Report(), time.monotonic()
    for at, seed in enumerate(range(asked.first, asked.first + asked.instances)):
        p = instance(seed, asked.tokens_max, asked.tokens)
        out = subprocess.run([asked.siftctl, "select", "-"], input=json.dumps(p), capture_output=True, text=True)
        if out.returncode != 0:
            report.bad.append((seed, out.stderr.strip()))
            continue
        report.judge(seed, p, json.loads(out.stdout), None if asked.own else cache.optimum(p, asked.seconds))
        if sys.stderr.isatty() or (at + 1) % 50 == 0:
            end = "\r" if sys.stderr.isatty() and at + 1 < asked.instances else "\n"
            print(f"{at + 1} of {asked.instances} instances, {time.monotonic() - begin:.0f} s, {len(report.bad)} faults", end=end, file=sys.stderr)
    size = f"{asked.tokens}" if asked.tokens else f"up to {asked.tokens_max}"
    print(f"{asked.instances} instances of {size} tokens: {len(report.own)} solved, {report.infeasible} infeasible, "
          f"{report.unproved} not proved by the solver in {asked.seconds:g} s")
    if not asked.own:
        print(report.distribution("gap to the optimum", report.gaps))
    print(report.distribution("gap to the own bound", report.own))
    for seed, what in report.bad:
        print(f"instance {seed}: {what}")
    gaps, own = [g for _, g in report.gaps], [g for _, g in report.own]
    passed = not report.bad and own and (
        np.median(own) <= 0.03 if asked.own else gaps and np.median(gaps) <= 0.01 and max(gaps) <= 0.05)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
