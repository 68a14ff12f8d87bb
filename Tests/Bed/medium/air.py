"""The air between the radios: directed links, who hears what, and how long the channel is taken."""
import collections
import itertools
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
        self.last, self.by_access = None, collections.Counter()

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
                "last_dbm": self.last, "frames_by_access": dict(self.by_access)}


class Air:
    """Gives every frame its signal, its tries and its time."""

    def __init__(self, radios, seed=1, noise=-92.0):
        self.radios, self.noise = radios, noise
        self.draw = random.Random(seed)
        self.links = {(a, b): Link(f"{seed} {a} {b}") for a in range(radios) for b in range(radios) if a != b}
        self.channels = {}

    def chosen(self, sender, receiver):
        """The links between two numbers; * is every radio."""
        found = [link for (a, b), link in self.links.items() if sender in ("*", a) and receiver in ("*", b)]
        if not found:
            raise ValueError(f"no link from {sender} to {receiver}: there are radios 0 to {self.radios - 1}")
        return found

    def take(self, sent, driver, now):
        """A frame that a radio sends: it waits for its turn from now on."""
        channel = self.channels.setdefault(sent.megahertz, Channel(phy.Band(sent.megahertz)))
        target = sent.frame[4:10]
        to_all = bool(target[0] & 1) or bool(sent.flags & NO_ACKNOWLEDGEMENT)
        owner = None if to_all else driver.owner(target)
        if owner is None:
            receivers = [radio for radio in range(self.radios) if radio != sent.radio]
        else:
            receivers = [owner] if (sent.radio, owner) in self.links else []
        channel.happen(driver, now)
        channel.queue(Journey(self, sent, channel.band, receivers, is_acknowledged=owner is None and bool(receivers)), now)

    def happen(self, driver, now):
        """Does what is due. - Returns: seconds until something is due; nil when nothing waits."""
        due = [channel.happen(driver, now) for channel in self.channels.values()]
        return min((max(0.0, at - now) for at in due if at is not None), default=None)


class Channel:
    """One frequency. Every radio has a queue for each way of access, and the first frame of each contends: it counts its slots
    while the channel is idle, and whose count ends first sends one try. Counts that end at once do not collide: one goes after the
    other."""

    def __init__(self, band):
        self.band = band
        self.queues = {}
        # The journey whose try is in the air, and when it ends or the last one did.
        self.sending, self.end = None, 0.0

    def contenders(self):
        return [waiting[0] for waiting in self.queues.values() if waiting]

    def queue(self, journey, now):
        waiting = self.queues.setdefault((journey.sent.radio, journey.access), collections.deque())
        waiting.append(journey)
        if len(waiting) == 1:
            journey.contend(max(now, self.end))

    def happen(self, driver, now):
        """Does what is due. - Returns: when something is due; nil when nothing waits."""
        while True:
            if self.sending is not None:
                if self.end > now:
                    return self.end
                self.finish_try(driver)
            first = min(self.contenders(), key=lambda journey: (journey.due(), journey.order), default=None)
            if first is None or first.due() > now:
                return first and first.due()
            self.begin_try(first)

    def begin_try(self, journey):
        at = journey.due()
        for other in self.contenders():
            other.interrupt(at)
        self.sending, self.end = journey, at + journey.airtime()

    def finish_try(self, driver):
        journey, self.sending = self.sending, None
        waiting = self.queues[journey.sent.radio, journey.access]
        for other in self.contenders():
            other.resume(self.end)
        if not journey.try_once(driver, self.end):
            return journey.contend(self.end)
        waiting.popleft()
        if waiting:
            waiting[0].contend(self.end)


class Journey:
    """One frame's way through the air: to one receiver, tries until the acknowledgement is heard or the driver's attempts are
    used up; to all, one try without acknowledgement."""
    orders = itertools.count()

    def __init__(self, air, sent, band, receivers, is_acknowledged):
        self.air, self.sent, self.band, self.receivers = air, sent, band, receivers
        # Frames to all count as acknowledged, as drivers have it.
        self.to_all = self.is_acknowledged = is_acknowledged
        self.octets = len(sent.frame) + 4  # the check sequence
        self.used = [0] * len(sent.attempts)
        self.was_heard, self.answer = False, -40
        self.access = phy.access(sent.frame)
        # Seconds of slots that are left, and since when they are counted.
        self.left, self.counted, self.order = 0.0, 0.0, next(self.orders)
        if not self.to_all:
            for link in self.links():
                link.frames, link.octets = link.frames + 1, link.octets + self.octets
                link.by_access[self.access.name] += 1

    def links(self):
        return [self.air.links[self.sent.radio, radio] for radio in self.receivers]

    def contend(self, idle_since):
        """Draws the slots before the next try."""
        self.left = phy.backoff(self.access, sum(self.used), self.air.draw.random()) * 1e-6
        self.resume(idle_since)

    def resume(self, idle_since):
        self.counted = idle_since + phy.idle(self.access) * 1e-6

    def interrupt(self, at):
        """The channel is taken: what was counted stays counted."""
        self.left = max(0.0, self.left - max(0.0, at - self.counted))

    def due(self):
        return self.counted + self.left

    def attempt(self):
        """The index of the driver's attempt whose turn it is; nil when all are used up."""
        return next((at for at, (_, _, tries) in enumerate(self.sent.attempts) if self.used[at] < tries), None)

    def rate(self):
        """Of the next try; what the medium does not know counts as the slowest."""
        at = self.attempt()
        if at is None:
            return self.band.legacy[0]
        index, flags, _ = self.sent.attempts[at]
        return self.band.rate(index, flags) or self.band.legacy[0]

    def reply_time(self):
        return (phy.SIFS + phy.duration(phy.answer_rate(self.rate()), phy.ACKNOWLEDGEMENT_OCTETS)) * 1e-6

    def frame_time(self):
        return phy.duration(self.rate(), self.octets) * 1e-6

    def airtime(self):
        """Of the next try, with the acknowledgement or the wait for it."""
        return self.frame_time() + (0.0 if self.to_all else self.reply_time())

    def try_once(self, driver, end):
        """What becomes of the try that ends at `end`. - Returns: whether the journey is over."""
        if self.to_all:
            self.announce(driver, end)
        elif self.attempt() is not None and self.receivers:
            if not self.exchange(driver, end) and self.attempt() is not None:
                return False
            if not self.was_heard:
                for link in self.links():
                    link.lost += 1
        driver.report(self.sent, self.used, self.is_acknowledged, math.floor(self.answer + 0.5))
        return True

    def announce(self, driver, end):
        rate = self.rate()
        if self.used:
            self.used[0] = 1
        for radio, link in zip(self.receivers, self.links()):
            signal = link.signal(end)
            link.frames, link.tries, link.octets = link.frames + 1, link.tries + 1, link.octets + self.octets
            if self.air.draw.random() < link.success(rate, self.octets, signal, self.air.noise):
                self.hear(driver, link, radio, rate, signal)
            else:
                link.lost += 1

    def exchange(self, driver, end):
        """- Returns: whether the acknowledgement is heard."""
        [there], [receiver] = self.links(), self.receivers
        back = self.air.links[receiver, self.sent.radio]
        rate, answer, air = self.rate(), self.reply_time(), self.air
        there.tries, there.airtime = there.tries + 1, there.airtime + self.frame_time()
        self.used[self.attempt()] += 1
        signal = there.signal(end - answer)
        if air.draw.random() >= there.success(rate, self.octets, signal, air.noise):
            return False
        if not self.was_heard:
            self.was_heard = True
            self.hear(driver, there, receiver, rate, signal)
        back.airtime += answer
        self.answer = back.signal(end)
        self.is_acknowledged = air.draw.random() < back.success(
            phy.answer_rate(rate), phy.ACKNOWLEDGEMENT_OCTETS, self.answer, air.noise)
        return self.is_acknowledged

    def hear(self, driver, link, radio, rate, signal):
        link.heard += 1
        link.last = math.floor(signal + 0.5)
        driver.deliver(self.sent, radio, self.band.heard_as(rate), link.last)
