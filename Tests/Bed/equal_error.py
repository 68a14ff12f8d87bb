"""Policies at equal measured error, from the rounds of `deadlines`:

    python3 Tests/Bed/equal_error.py deadlines/rounds.json [MORE/rounds.json …]   # of several runs together

Two settings that take turns have every error between theirs, and every cost in the same proportion; so a policy is compared by
what its settings, taking turns, cost at least for a mean square error no larger than the one asked for. Two policies with budgets are
compared at several errors that both reach, and with Top-K at its own measured error, which is that of late experts alone."""
import json
import random
import sys

COLUMNS = ("rms", "missed_per_1000", "late_per_1000", "air_ms_per_token", "visits_per_token", "tokens_per_s")
COSTS = {"missed_per_1000": "misses fewer deadlines", "air_ms_per_token": "spends less radio time"}


def figures(rounds):
    """Of one setting: errors and costs over its rounds."""
    total = {name: sum(one[name] for one in rounds) for name in rounds[0]}
    error = total["error"] / total["tokens"]
    return {"error": error, "rms": error ** 0.5, "missed_per_1000": 1000 * total["missed"] / total["tokens"],
            "late_per_1000": 1000 * total["late"] / total["routed"], "air_ms_per_token": 1000 * total["air_s"] / total["tokens"],
            "visits_per_token": total["visits"] / total["tokens"], "tokens_per_s": total["tokens"] / total["seconds"]}


class Comparison:
    """What siftmoe's settings cost beside another policy's. `runs` are rounds by (policy, budget), as many of each."""

    def __init__(self, runs):
        self.runs = runs
        self.rounds = min(len(rounds) for rounds in runs.values())
        self.measured = {setting: figures(rounds) for setting, rounds in runs.items()}

    def settings(self, table, policy):
        return [point for (name, _), point in table.items() if name == policy]

    def at_error(self, table, policy, error):
        """Costs of the settings of a policy that, taking turns, need the least radio time for a mean error no larger than
        `error`; None where every setting's is larger."""
        points = self.settings(table, policy)
        found = [point for point in points if point["error"] <= error]
        for below in points:
            for above in points:
                if below["error"] <= error < above["error"]:
                    share = (error - below["error"]) / (above["error"] - below["error"])
                    found.append({cost: below[cost] + (above[cost] - below[cost]) * share for cost in COSTS})
        return min(found, key=lambda point: point["air_ms_per_token"], default=None)

    def common_errors(self, other):
        """Errors at which siftmoe is compared with another policy: seven that both reach by what they do."""
        ranges = [[point["error"] for point in self.settings(self.measured, policy)] for policy in ("siftmoe", other)]
        if other == "topk":
            return ranges[1]
        low, high = max(map(min, ranges)), min(map(max, ranges))
        return [low + (high - low) * step / 6 for step in range(7)] if low < high else []

    def ratio(self, table, other, cost):
        """siftmoe's cost ÷ the other's, both summed over the errors that both reach; None where there is none."""
        pairs = [(self.at_error(table, "siftmoe", error), self.at_error(table, other, error))
                 for error in self.common_errors(other)]
        pairs = [(ours[cost], theirs[cost]) for ours, theirs in pairs if ours and theirs]
        theirs = sum(pair[1] for pair in pairs)
        return sum(pair[0] for pair in pairs) / theirs if theirs else None

    def interval(self, other, cost, draws=400):
        """90 % of the ratios with rounds drawn again, the same for all policies."""
        chance, ratios = random.Random(1), []
        for _ in range(draws):
            drawn = [chance.randrange(self.rounds) for _ in range(self.rounds)]
            table = {setting: figures([rounds[at] for at in drawn]) for setting, rounds in self.runs.items()}
            found = self.ratio(table, other, cost)
            if found is not None:
                ratios.append(found)
        ratios.sort()
        return (ratios[len(ratios) // 20], ratios[-1 - len(ratios) // 20]) if ratios else (None, None)

    def show(self):
        """Prints the settings and the comparisons. - Returns: (ratio, low, high) by (other policy, cost)."""
        print(f"{'policy:budget':24}" + "".join(f"{column:>18}" for column in COLUMNS))
        for (policy, budget), point in self.measured.items():
            print(f"{f'{policy}:{budget}':24}" + "".join(f"{point[column]:18.4f}" for column in COLUMNS))
        compared = {}
        for other in ("siftmoe-slow", "topk"):
            for cost in COSTS:
                compared[other, cost] = self.ratio(self.measured, other, cost), *self.interval(other, cost)
                print(f"{cost}, siftmoe ÷ {other} at equal error: {compared[other, cost]}", flush=True)
        return compared


def read(paths):
    """The rounds of several runs, one after another."""
    runs = {}
    for path in paths:
        with open(path) as file:
            for name, rounds in json.load(file).items():
                policy, budget = name.split(":")
                runs.setdefault((policy, float(budget)), []).extend(rounds)
    fewest = min(len(rounds) for rounds in runs.values())
    return {setting: rounds[:fewest] for setting, rounds in runs.items()}


if __name__ == "__main__":
    comparison = Comparison(read(sys.argv[1:]))
    print(f"{comparison.rounds} rounds")
    comparison.show()
