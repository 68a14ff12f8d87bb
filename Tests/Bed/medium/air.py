"""The air between the radios: directed links, who hears what, and how long the channel is taken."""
import heapq
import math
import random
from . import fading, phy
from .hwsim import NO_ACKNOWLEDGEMENT


class Link:
    """What one radio hears of another. `loss` is "signal" (frames are lost as their signal, rate and length say) or a
    share of the frames."""

    def __init__(self, seed):
        self.seed = seed
        self.mean, self.process, self.loss, self.about, self.begin = -40.0, fading.steady, "signal", {}, 0.0
        self.forget()

    def forget(self):
        """Begins the counts anew."""
        self.frames = self.tries = self.heard = self.lost = self.octets = 0
        self.airtime = 0.0
        self.last = None

    def change(self, mean=None, k=None, doppler=None, trace=None, steady=False, loss=None, seed=None, now=0.0):
        """Takes new values at the time `now`; what is not named stays. With `k` or `doppler` the link is Rician from now on,
        with `trace` it follows a recording (at its own mean unless one is named), with `steady` nothing moves any more. With
        `seed` the process begins anew: the same seed is the same path from here on. - Raises: ValueError, OSError."""
        if seed is not None:
            self.seed, self.begin = seed, now
        if steady:
            self.process, self.about = fading.steady, {}
        elif trace is not None:
            self.process, self.about = fading.Trace(trace), {"trace": trace}
            mean = self.process.mean if mean is None else mean
        elif k is not None or doppler is not None or seed is not None:
            about = {"k": self.about.get("k", 0.0) if k is None else float(k),
                     "doppler": self.about.get("doppler", 0.0) if doppler is None else float(doppler)}
            self.process, self.about = fading.Rician(about["k"], about["doppler"], self.seed), about
        if loss is not None:
            if loss != "signal" and not 0 <= float(loss) <= 1:
                raise ValueError(f"loss {loss}: expected signal, or a share of 0 to 1")
            self.loss = loss if loss == "signal" else float(loss)
        self.mean = self.mean if mean is None else float(mean)

    def signal(self, seconds):
        """In dBm, within what a driver can say."""
        return max(-110.0, min(-1.0, self.mean + self.process(seconds - self.begin)))

    def success(self, rate, octets, signal, noise):
        return phy.success(rate, octets, signal - noise) if self.loss == "signal" else 1 - self.loss

    def state(self):
        return {"mean": self.mean, **self.about, "loss": self.loss, "frames": self.frames, "tries": self.tries,
                "heard": self.heard, "lost": self.lost, "octets": self.octets, "airtime_s": self.airtime,
                "last_dbm": self.last}


class Air:
    """Gives every frame its signal, its tries and its time. One channel serves all radios on a frequency, one after
    another. What is due later waits in `due`: (time, order, what to do)."""

    def __init__(self, radios, seed=1, noise=-92.0):
        self.radios, self.noise = radios, noise
        self.draw = random.Random(seed)
        self.links = {(a, b): Link(f"{seed} {a} {b}") for a in range(radios) for b in range(radios) if a != b}
        self.bands = {}
        self.free = {}
        self.due = []
        self.order = 0

    def chosen(self, sender, receiver):
        """The links between two numbers; * is every radio."""
        found = [link for (a, b), link in self.links.items() if sender in ("*", a) and receiver in ("*", b)]
        if not found:
            raise ValueError(f"no link from {sender} to {receiver}: there are radios 0 to {self.radios - 1}")
        return found

    def take(self, sent, driver, now):
        """A frame that a radio sends: what becomes of it is decided here, and happens when its airtime is over."""
        band = self.bands.setdefault(sent.megahertz, phy.Band(sent.megahertz))
        target = sent.frame[4:10]
        to_all = bool(target[0] & 1) or bool(sent.flags & NO_ACKNOWLEDGEMENT)
        owner = None if to_all else driver.owner(target)
        begin = max(now, self.free.get(sent.megahertz, 0.0))
        journey = Journey(self, sent, band, begin)
        if owner is None:
            journey.announce([radio for radio in range(self.radios) if radio != sent.radio])
        elif (sent.radio, owner) in self.links:
            journey.exchange(owner)
        else:
            journey.announce([])
        self.free[sent.megahertz] = journey.end
        self.order += 1
        heapq.heappush(self.due, (journey.end, self.order, journey))

    def happen(self, driver, now):
        """Does what is due. - Returns: seconds until something is due; nil when nothing waits."""
        while self.due and self.due[0][0] <= now:
            heapq.heappop(self.due)[2].finish(driver)
        return max(0.0, self.due[0][0] - now) if self.due else None


class Journey:
    """One frame's way through the air."""

    def __init__(self, air, sent, band, begin):
        self.air, self.sent, self.band, self.end = air, sent, band, begin
        self.octets = len(sent.frame) + 4  # the check sequence
        self.used = [0] * len(sent.attempts)
        self.heard, self.is_acknowledged, self.answer = [], False, -40

    def rate(self, at):
        """Of an attempt; what the medium does not know counts as the slowest."""
        index, flags, _ = self.sent.attempts[at]
        return self.band.rate(index, flags) or self.band.legacy[0]

    def announce(self, radios):
        """To all at once: one try, no acknowledgement."""
        rate = self.rate(0) if self.sent.attempts else self.band.legacy[0]
        if self.sent.attempts:
            self.used[0] = 1
        airtime = phy.duration(rate, self.octets) * 1e-6
        self.end += phy.backoff(0, self.air.draw.random()) * 1e-6 + airtime
        self.is_acknowledged = bool(radios)
        for radio in radios:
            link = self.air.links[self.sent.radio, radio]
            signal = link.signal(self.end)
            link.frames, link.tries, link.octets = link.frames + 1, link.tries + 1, link.octets + self.octets
            self.hear(link, radio, rate, signal, self.air.draw.random() < self.chance(link, rate, signal))

    def exchange(self, owner):
        """To one: tries until the acknowledgement is heard or the driver's attempts are used up."""
        there, back = self.air.links[self.sent.radio, owner], self.air.links[owner, self.sent.radio]
        there.frames, there.octets = there.frames + 1, there.octets + self.octets
        draw, was_heard = self.air.draw.random, False
        for at, (_, _, tries) in enumerate(self.sent.attempts):
            rate, reply = self.rate(at), phy.answer_rate(self.rate(at))
            airtime = phy.duration(rate, self.octets) * 1e-6
            answer = (phy.SIFS + phy.duration(reply, phy.ACKNOWLEDGEMENT_OCTETS)) * 1e-6
            for _ in range(tries):
                self.end += phy.backoff(min(6, sum(self.used)), draw()) * 1e-6 + airtime
                self.used[at] += 1
                there.tries += 1
                there.airtime += airtime
                signal = there.signal(self.end)
                is_heard = draw() < self.chance(there, rate, signal)
                self.end += answer
                if is_heard and not was_heard:
                    was_heard = True
                    self.hear(there, owner, rate, signal, True)
                if is_heard:
                    back.airtime += answer
                    self.answer = back.signal(self.end)
                    if draw() < back.success(reply, phy.ACKNOWLEDGEMENT_OCTETS, self.answer, self.air.noise):
                        self.is_acknowledged = True
                        return
        if not was_heard:
            there.lost += 1

    def chance(self, link, rate, signal):
        return link.success(rate, self.octets, signal, self.air.noise)

    def hear(self, link, radio, rate, signal, is_heard):
        if not is_heard:
            link.lost += 1
            return
        link.heard += 1
        link.last = math.floor(signal + 0.5)
        self.heard.append((radio, self.band.heard_as(rate), link.last))

    def finish(self, driver):
        for radio, rate, signal in self.heard:
            driver.deliver(self.sent, radio, rate, signal)
        driver.report(self.sent, self.used, self.is_acknowledged, math.floor(self.answer + 0.5))
