#!/usr/bin/env python3
"""Compares `siftctl select`, kind "batch", with an integer-programming solver (HiGHS through scipy) on seeded instances.

    tools/check-batch.py SIFTCTL [INSTANCES] [TOKENS_MAX]

Prints the gaps to the true optimum and fails (exit 1) when an answer is infeasible where a solution exists, when a
lower bound lies above the optimum, when an answer's figures are not what its choices add up to, when the median gap to
the optimum exceeds 1 % or the worst 5 %.
"""
import json, math, subprocess, sys
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_matrix


def instance(seed, tokens_max):
    r = np.random.default_rng(seed)
    experts, nodes, k = int(r.integers(4, 13)), int(r.integers(1, 5)), int(r.integers(1, 5))
    m = int(r.integers(1, tokens_max + 1))
    k = min(k, experts)
    integral = r.random() < 0.25
    dist = r.random((experts, experts)) * r.choice([0.5, 1.0])
    np.fill_diagonal(dist, 0)
    if integral:
        dist = np.round(dist * 4) / 4
    skip = r.random(experts) * 0.8 + 0.4
    homes = r.integers(0, nodes + 1, experts)
    hosted = [[int(e) for e in range(experts) if homes[e] == n or r.random() < 0.1] for n in range(nodes + 1)]

    def table(unit):
        kind = r.integers(0, 3)
        if kind == 0:  # linear
            t = unit * np.arange(m + 1)
        elif kind == 1:  # aggregation: dear first token, cheap others
            t = np.where(np.arange(m + 1) > 0, unit * (1.0 + 0.4 * np.arange(m + 1)), 0)
        else:  # Shannon-like
            t = unit * np.arange(m + 1) * (1 + 0.08 * np.arange(m + 1))
        return [float(x) for x in t]

    def place(n):
        p = dict(experts=hosted[n], compute_j=float(r.choice([0, 1e-5, 2e-4]) * r.random()),
                 compute_s=float(r.choice([0, 2e-4]) * r.random()))
        if r.random() < 0.35:
            p |= dict(load_j=float(3e-4 * r.random()), load_s=float(r.choice([0, 5e-4]) * r.random()))
        return p

    local = place(0)
    ns = []
    for n in range(1, nodes + 1):
        ns.append(place(n) | dict(id=f"n{n}", radio_j=table(1e-3 * (0.3 + r.random())), airtime_s=table(1e-3 * (0.3 + r.random()))))
    tokens = []
    for _ in range(m):
        w = r.random(k) + 0.05
        w = np.sort(w / w.sum())[::-1]
        tokens.append(dict(routed=[dict(expert=int(e), weight=float(x)) for e, x in zip(r.choice(experts, k, replace=False), w)]))
    worst = m * nodes * 2e-3
    p = dict(version=1, kind="batch", experts=experts, tokens=tokens, distance=dist.tolist(), skip_distance=skip.tolist(),
             allow_skip=bool(r.random() < 0.85), allow_replace=bool(r.random() < 0.9), local=local, nodes=ns,
             error_budget=float(r.choice([0, 0.05, 0.15, 0.3]) * (0.5 + r.random())),
             latency_s=float(worst * r.choice([0.1, 0.4, 1.5]) + 2e-3))
    if r.random() < 0.5:
        p |= dict(remote_wake_j=float(2e-3 * r.random()), remote_wake_s=float(1e-3 * r.random()))
    if r.random() < 0.5:
        p["error_max"] = float(p["error_budget"] * (1 + 2 * r.random()) + 0.05)
    return p


def optimum(p):
    """The integer programme: x = (token, rank, option), one of y, z, s and table variables follow. None: infeasible."""
    tokens, places = p["tokens"], [p["local"]] + p["nodes"]
    m, names, cost, integer, upper = len(tokens), {}, [], [], []

    def var(key, c=0.0, integral=True, ub=1.0):
        if key not in names:
            names[key] = len(cost)
            cost.append(c), integer.append(1 if integral else 0), upper.append(ub)
        return names[key]

    rows = []  # (coefficients, low, high)
    error, errmax = {}, p.get("error_max", math.inf)
    comp = [dict() for _ in places]
    for t, tok in enumerate(tokens):
        own = {}
        for r in tok["routed"]:
            e, w, opts = r["expert"], r["weight"], {}
            if p["allow_skip"]:
                v = var(("x", t, e, None))
                opts[v] = 1
                own[v] = w * p["skip_distance"][e]
            for n, pl in enumerate(places):
                for j in pl["experts"]:
                    if j != e and not p["allow_replace"]:
                        continue
                    v = var(("x", t, e, n, j))
                    opts[v] = 1
                    own[v] = w * p["distance"][e][j] if j != e else 0.0
                    y = var(("y", t, n, j), pl["compute_j"])
                    comp[n][y] = pl["compute_s"]
                    rows.append(({v: 1, y: -1}, -math.inf, 0))
                    load = var(("l", n, j), pl.get("load_j", 0))
                    comp[n][load] = pl.get("load_s", 0)
                    rows.append(({y: 1, load: -1}, -math.inf, 0))
                    if n > 0:
                        rows.append(({y: 1, var(("z", t, n)): -1}, -math.inf, 0))
            if not opts:
                return None
            rows.append((opts, 1, 1))
        error |= own
        if errmax < math.inf:
            rows.append((own, -math.inf, errmax))
    rows.append((error, -math.inf, p["error_budget"] * m))
    wake = var("wake", p.get("remote_wake_j", 0))
    latency = {wake: p.get("remote_wake_s", 0), var("slowest", 0, False, math.inf): 1}
    for n, pl in enumerate(places):
        rows.append((comp[n] | {names["slowest"]: -1}, -math.inf, 0))
        if n == 0:
            continue
        pick = {var(("m", n, c), pl["radio_j"][c]): 1 for c in range(m + 1)}
        rows.append((pick, 1, 1))
        count = {names[("m", n, c)]: float(c) for c in range(m + 1)}
        for t in range(m):
            if ("z", t, n) in names:
                count[names[("z", t, n)]] = -1.0
                rows.append(({names[("z", t, n)]: 1, wake: -1}, -math.inf, 0))
        rows.append((count, 0, 0))
        for c in range(m + 1):
            latency[names[("m", n, c)]] = pl["airtime_s"][c]
    rows.append((latency, -math.inf, p["latency_s"]))
    a = lil_matrix((len(rows), len(cost)))
    for i, (co, _, _) in enumerate(rows):
        for k, v in co.items():
            a[i, k] = v
    s = milp(np.array(cost), integrality=np.array(integer), bounds=Bounds(0, np.array(upper)),
             constraints=LinearConstraint(a.tocsr(), [x[1] for x in rows], [x[2] for x in rows]),
             options=dict(time_limit=20, mip_rel_gap=1e-6))
    if s.status == 2:
        return None
    return (s.fun, s.mip_dual_bound, s.status == 0)


def added_up(p, answer):
    places = {"local": p["local"]} | {n["id"]: n for n in p["nodes"]}
    pairs, served, errors = {}, {}, []
    for t, (tok, own) in enumerate(zip(p["tokens"], answer["tokens"])):
        e = 0.0
        for r, c in zip(tok["routed"], own["choices"]):
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
    for name, pl in places.items():
        ex = pairs.get(name, set())
        distinct = len({j for _, j in ex})
        energy += len(ex) * pl["compute_j"] + distinct * pl.get("load_j", 0)
        slow = max(slow, len(ex) * pl["compute_s"] + distinct * pl.get("load_s", 0))
        if name != "local" and served.get(name):
            remote = True
            energy += pl["radio_j"][len(served[name])]
            air += pl["airtime_s"][len(served[name])]
    if remote:
        energy += p.get("remote_wake_j", 0)
        air += p.get("remote_wake_s", 0)
    return energy, air + slow, float(np.mean(errors)), max(errors)


def main():
    siftctl, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300
    tokens_max = int(sys.argv[3]) if len(sys.argv) > 3 else 16
    gaps, own_gaps, bad, infeasible, unproved = [], [], [], 0, 0
    for seed in range(count):
        p = instance(seed, tokens_max)
        out = subprocess.run([siftctl, "select", "-"], input=json.dumps(p), capture_output=True, text=True)
        if out.returncode != 0:
            bad.append((seed, out.stderr.strip()))
            continue
        a = json.loads(out.stdout)
        best = optimum(p)
        if best is None:
            infeasible += 1
            if a["feasible"]:
                bad.append((seed, "answers what HiGHS calls infeasible"))
            continue
        fun, dual, proved = best
        if not a["feasible"]:
            bad.append((seed, "infeasible although a solution exists"))
            continue
        energy, latency, mean, worst = added_up(p, a)
        for name, x, y in (("energy_j", energy, a["energy_j"]), ("latency_s", latency, a["latency_s"]),
                           ("error_mean", mean, a["error_mean"]), ("error_worst", worst, a["error_worst"])):
            if abs(x - y) > 1e-9 * max(abs(x), 1e-12) + 1e-15:
                bad.append((seed, f"{name} says {y}, adds up to {x}"))
        slack = 1 + 1e-7
        if mean > p["error_budget"] * slack + 1e-12 or latency > p["latency_s"] * slack or worst > p.get("error_max", 1e9) * slack:
            bad.append((seed, "breaks a limit"))
        if proved and a["lower_bound_j"] > fun * (1 + 1e-6) + 1e-12:
            bad.append((seed, f"bound {a['lower_bound_j']} above the optimum {fun}"))
        reference = fun if proved else dual
        unproved += not proved
        gaps.append((energy - reference) / energy if energy > 1e-15 else 0.0)
        if gaps[-1] > 0.03:
            print(f"instance {seed}: gap {gaps[-1]:.2%}, {len(p['tokens'])} tokens, {len(p['nodes'])} nodes, budget {p['error_budget']:.3f}, max {p.get('error_max')}, latency {latency:.2e} of {p['latency_s']:.2e}, mean {mean:.4f}")
        own_gaps.append((energy - a["lower_bound_j"]) / energy if energy > 1e-15 else 0.0)
    g = np.array(gaps)
    print(f"{count} instances of up to {tokens_max} tokens: {len(g)} solved, {infeasible} infeasible, {unproved} not proved by HiGHS in time")
    print(f"gap to the optimum: median {np.median(g):.3%}, 90th {np.quantile(g, .9):.3%}, worst {g.max():.3%} (instance {int(np.argmax(g))}th); own bound: median {np.median(own_gaps):.3%}, worst {max(own_gaps):.3%}")
    for seed, what in bad[:20]:
        print(f"instance {seed}: {what}")
    sys.exit(1 if bad or np.median(g) > 0.01 or g.max() > 0.05 else 0)


main()
