"""The medium's own mathematics against closed forms and published figures; no kernel is needed."""
import math
import os
import random
import struct
import tempfile
import unittest
from medium import fading, hwsim, phy
from medium.air import Air

TRACE = os.path.join(os.path.dirname(__file__), "..", "Data", "wifi-signal-1khz-moving.csv")


def bessel0(x):
    """J₀ by its series."""
    total = term = 1.0
    for at in range(1, 60):
        term *= -(x / 2) ** 2 / at**2
        total += term
    return total


def powers(process, seconds, step):
    return [10 ** (process(at * step) / 10) for at in range(int(seconds / step))]


def moments(values):
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / len(values)


class Fading(unittest.TestCase):
    def test_the_power_of_a_rician_link_has_mean_one_and_the_variance_of_its_k(self):
        for k in (0, 1, 3, 10):
            means, gammas = [], []
            for seed in range(6):
                mean, variance = moments(powers(fading.Rician(k, 5, f"{seed} {k}"), 50, 0.02))
                means.append(mean)
                gammas.append(variance / mean**2)
            self.assertAlmostEqual(sum(means) / 6, 1, delta=0.02)
            self.assertAlmostEqual(sum(gammas) / 6, (1 + 2 * k) / (1 + k) ** 2, delta=0.05 + 0.03 / (1 + k))

    def test_the_scattered_wave_is_correlated_as_bessels_function(self):
        for periods in (0.1, 0.25, 0.4, 0.7):
            lag = round(periods * fading.FINENESS)
            found = 0.0
            for seed in range(8):
                wave = fading.scattered(seed)
                found += sum((h * wave[at - lag].conjugate()).real for at, h in enumerate(wave)) / len(wave) / 8
            self.assertAlmostEqual(found, bessel0(2 * math.pi * lag / fading.FINENESS), delta=0.03)

    def test_a_rayleigh_link_crosses_its_rms_level_as_often_as_rice_says(self):
        crossings, seconds = 0, 50
        for seed in range(8):
            values = powers(fading.Rician(0, 5, seed), seconds, 0.002)
            crossings += sum(a >= 1 > b for a, b in zip(values, values[1:]))
        expected = math.sqrt(2 * math.pi) * 5 * math.exp(-1)
        self.assertAlmostEqual(crossings / 8 / seconds, expected, delta=0.07 * expected)

    def test_the_same_seed_is_the_same_channel_and_another_is_another(self):
        one, same, other = (fading.Rician(2, 5, seed) for seed in ("a", "a", "b"))
        self.assertEqual(one(1.234), same(1.234))
        self.assertNotEqual(one(1.234), other(1.234))

    def test_a_link_that_is_given_a_seed_begins_its_path_anew(self):
        air = Air(2)
        link, other = air.links[0, 1], air.links[1, 0]
        link.change(k=1, doppler=5, seed="path", now=100.0)
        other.change(k=1, doppler=5, seed="path", now=250.0)
        self.assertEqual([link.signal(100 + at / 8) for at in range(20)], [other.signal(250 + at / 8) for at in range(20)])
        self.assertNotEqual(link.signal(100.0), link.signal(101.0))

    def test_a_link_without_movement_keeps_its_gain(self):
        still = fading.Rician(2, 0, 1)
        self.assertEqual(still(0), still(100))

    def test_a_trace_is_followed_and_repeats(self):
        trace = fading.Trace(TRACE)
        self.assertAlmostEqual(trace.mean + trace(0), -70.68, places=6)
        self.assertAlmostEqual(trace.mean + trace(0.00101), -72.68, places=6)
        self.assertAlmostEqual(trace(0.5), trace(0.5 + trace.times[-1]), places=6)
        mean, _ = moments([10 ** (gain / 10) for gain in trace.gains])
        self.assertAlmostEqual(mean, 1, places=6)

    def test_what_is_no_trace_and_no_channel_is_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write("time_s,signal_dbm\n0,-50\n0,-51\n")
            file.flush()
            self.assertRaises(ValueError, fading.Trace, file.name)
        self.assertRaises(ValueError, fading.Rician, -1, 5)
        self.assertRaises(ValueError, fading.Rician, math.inf, 5)


class Physics(unittest.TestCase):
    def test_errors_are_those_that_ns3_gives_for_2000_bytes(self):
        for index, snr, chance in [
            (0, 3, 0.020), (0, 4, 0.885), (0, 5, 0.997), (1, 6, 0.097), (1, 7, 0.918), (2, 6, 0.0174), (2, 7, 0.881),
            (3, 9.5, 0.623), (3, 10.5, 0.985), (4, 13, 0.495), (4, 14, 0.974), (5, 15.5, 0.012), (5, 16.5, 0.818),
            (5, 17.5, 0.993), (6, 21, 0.649), (6, 22, 0.983), (7, 22, 0.410), (7, 23, 0.958), (7, 24, 0.999),
        ]:
            self.assertAlmostEqual(phy.success(phy.OFDM[index], 2000, snr), chance, delta=0.0015)

    def test_dsss_is_near_what_ns3_gives(self):
        for index, snr, chance in [(0, -4.45, 0.202), (0, -3.45, 0.813), (3, 5.55, 0.128), (3, 6.55, 0.739)]:
            self.assertAlmostEqual(phy.success(phy.DSSS[index], 1078, snr), chance, delta=0.05)

    def test_more_signal_never_harms_and_more_bytes_never_help(self):
        for rate in phy.OFDM + phy.DSSS + [phy.ht(index, False) for index in range(8)]:
            chances = [phy.success(rate, 500, snr) for snr in range(-20, 50)]
            self.assertEqual(chances, sorted(chances))
            self.assertLess(chances[0], 0.01)
            self.assertGreater(chances[-1], 0.999)
            self.assertTrue(all(phy.success(rate, 1500, snr) <= chance for snr, chance in zip(range(-20, 50), chances)))

    def test_a_frame_takes_the_time_of_its_symbols(self):
        self.assertEqual(phy.duration(phy.OFDM[7], 1500), 20 + 4 * 56 + 6)
        self.assertEqual(phy.duration(phy.OFDM[0], 14), 20 + 4 * 6 + 6)
        self.assertEqual(phy.duration(phy.DSSS[0], 100), 192 + 800)
        self.assertEqual(phy.duration(phy.ht(7, False), 1500), 36 + 4 * 47 + 6)

    def test_waits_grow_with_the_attempts_as_far_as_the_way_of_access_lets_them(self):
        self.assertEqual([phy.idle(access) for access in (phy.BEST_EFFORT, phy.VIDEO)], [37, 28])
        self.assertEqual(phy.backoff(phy.BEST_EFFORT, 0, 0), 0)
        self.assertEqual([phy.backoff(phy.BEST_EFFORT, attempt, 0.9999) for attempt in (0, 2, 9)], [9 * 15, 9 * 63, 9 * 1023])
        self.assertEqual([phy.backoff(phy.VIDEO, attempt, 0.9999) for attempt in (0, 1, 9)], [9 * 7, 9 * 15, 9 * 15])
        self.assertEqual(phy.backoff(phy.VOICE, 9, 0.9999), 9 * 7)

    def test_a_frame_goes_by_the_priority_that_it_names(self):
        self.assertEqual(phy.access(UNICAST), phy.BEST_EFFORT)
        self.assertEqual(phy.access(BEACON), phy.VOICE)
        self.assertEqual([phy.access(quality(up)) for up in (0, 1, 3, 5, 6)],
                         [phy.BEST_EFFORT, phy.BACKGROUND, phy.BEST_EFFORT, phy.VIDEO, phy.VOICE])
        self.assertEqual(phy.access(b"\x88\x03" + b"\0" * 28 + b"\x05\0"), phy.VIDEO)
        self.assertEqual(phy.access(b"\x88\x01" + b"\0" * 22), phy.BEST_EFFORT)

    def test_indices_mean_the_rates_that_the_driver_means(self):
        low, high = phy.Band(2437), phy.Band(5180)
        self.assertEqual((low.rate(0, 0).mbps, low.rate(4, 0).mbps, high.rate(0, 0).mbps), (1, 6, 6))
        self.assertEqual(low.rate(7, phy.MCS).name, "MCS 7")
        self.assertIsNone(low.rate(9, phy.MCS))
        self.assertIsNone(low.rate(3, phy.MCS | 1 << 5))
        self.assertEqual(low.heard_as(phy.ht(7, True)), 11)
        self.assertEqual(high.heard_as(phy.ht(0, False)), 0)


class Recorder(hwsim.Hwsim):
    """A driver that keeps what it is told."""

    def __init__(self):
        self.told, self.added, self.family = [], {}, 33

    def send(self, family, command, body, acknowledge=False):
        self.told.append((command, hwsim.attributes(body)))


def message(sender, frame, attempts, flags=1):
    """A frame as the driver of kernel 6.1 tells it."""
    body = (hwsim.attribute(hwsim.TRANSMITTER, hwsim.hardware(sender)) + hwsim.attribute(hwsim.DATA, frame)
            + hwsim.attribute(hwsim.FLAGS, struct.pack("=I", flags)) + hwsim.attribute(hwsim.FREQUENCY, struct.pack("=I", 2437))
            + hwsim.attribute(hwsim.ATTEMPTS, b"".join(struct.pack("=bB", index, tries) for index, _, tries in attempts))
            + hwsim.attribute(hwsim.ATTEMPT_FLAGS, b"".join(struct.pack("=bH", index, more) for index, more, _ in attempts))
            + hwsim.attribute(hwsim.COOKIE, struct.pack("=Q", 7)))
    return struct.pack("=IHHIIBBH", 20 + len(body), 33, 0, 0, 0, hwsim.FRAME, 1, 0) + body


UNICAST = b"\x08\x01\0\0" + bytes([2, 0, 0, 0, 1, 0]) + bytes([2, 0, 0, 0, 0, 0]) + b"\0" * 84
def quality(priority, sender=0):
    """A frame with a QoS field."""
    return (b"\x88\x01\0\0" + bytes([2, 0, 0, 0, 1, 0]) + bytes([2, 0, 0, 0, sender, 0]) + b"\0" * 8 + bytes([priority, 0])
            + b"\0" * 74)


BEACON = b"\x80\0\0\0" + b"\xff" * 6 + bytes([2, 0, 0, 0, 0, 0]) + b"\0" * 84
TRIES = [(11, 0, 2), (4, 0, 3), (-1, 0, 0), (-1, 0, 0)]


class Frames(unittest.TestCase):
    def carry(self, frame=UNICAST, **change):
        """One frame from radio 0 through an air of three; - returns: the air, the frames heard, the status."""
        air, driver = Air(3), Recorder()
        for link in air.chosen("*", "*"):
            link.change(**change)
        air.take(driver.event(33, message(0, frame, TRIES)), driver, 10.0)
        self.assertGreater(air.happen(driver, 10.0), 0)
        self.assertEqual(driver.told, [])
        self.assertIsNone(air.happen(driver, 11.0))
        heard = [found for command, found in driver.told if command == hwsim.FRAME]
        [status] = [found for command, found in driver.told if command == hwsim.STATUS]
        return air, heard, status

    def test_a_strong_frame_is_heard_by_its_receiver_alone_and_acknowledged_at_once(self):
        air, heard, status = self.carry(mean=-60.4)
        self.assertEqual([hwsim.number(found[hwsim.RECEIVER]) for found in heard], [1])
        self.assertEqual(struct.unpack("=i", heard[0][hwsim.SIGNAL])[0], -60)
        self.assertEqual(heard[0][hwsim.DATA], UNICAST)
        self.assertTrue(struct.unpack("=I", status[hwsim.FLAGS])[0] & hwsim.ACKNOWLEDGED)
        self.assertEqual(status[hwsim.ATTEMPTS][:2], struct.pack("=bB", 11, 1))
        self.assertEqual(status[hwsim.COOKIE], struct.pack("=Q", 7))
        self.assertEqual((air.links[0, 1].frames, air.links[0, 1].heard, air.links[0, 1].tries), (1, 1, 1))

    def test_a_frame_below_the_noise_is_tried_as_often_as_the_driver_asks_and_lost(self):
        air, heard, status = self.carry(mean=-105)
        self.assertEqual(heard, [])
        self.assertFalse(struct.unpack("=I", status[hwsim.FLAGS])[0] & hwsim.ACKNOWLEDGED)
        self.assertEqual(status[hwsim.ATTEMPTS][:4], struct.pack("=bBbB", 11, 2, 4, 3))
        self.assertEqual((air.links[0, 1].lost, air.links[0, 1].tries), (1, 5))

    def test_a_slower_rate_is_heard_where_a_fast_one_is_not(self):
        _, heard, status = self.carry(mean=-82)
        self.assertEqual(len(heard), 1)
        self.assertEqual(status[hwsim.ATTEMPTS][:4], struct.pack("=bBbB", 11, 2, 4, 1))

    def test_a_frame_whose_acknowledgements_are_lost_is_sent_again_and_heard_once(self):
        air, driver = Air(3), Recorder()
        air.links[1, 0].change(loss=1)
        air.take(driver.event(33, message(0, UNICAST, TRIES)), driver, 10.0)
        air.happen(driver, 11.0)
        self.assertEqual([command for command, _ in driver.told], [hwsim.FRAME, hwsim.STATUS])
        self.assertFalse(struct.unpack("=I", driver.told[1][1][hwsim.FLAGS])[0] & hwsim.ACKNOWLEDGED)
        link = air.links[0, 1]
        self.assertEqual((link.heard, link.lost, link.tries), (1, 0, 5))

    def test_a_beacon_goes_to_all_without_a_second_try(self):
        _, heard, status = self.carry(frame=BEACON)
        self.assertEqual([hwsim.number(found[hwsim.RECEIVER]) for found in heard], [1, 2])
        self.assertEqual(status[hwsim.ATTEMPTS][:2], struct.pack("=bB", 11, 1))

    def test_losses_that_are_asked_for_are_those_that_happen(self):
        air, driver = Air(3, seed=4), Recorder()
        for link in air.chosen(0, 1):
            link.change(loss=0.3)
        event = driver.event(33, message(0, UNICAST, [(11, 0, 1)]))
        for _ in range(2000):
            air.take(event, driver, 0.0)
        self.assertIsNone(air.happen(driver, 10.0))
        self.assertAlmostEqual(air.links[0, 1].lost / 2000, 0.3, delta=0.03)

    def ends(self, air, driver, begin=5.0):
        """Lets what waits happen. - Returns: (radio, when) of every status."""
        found, now, wait = [], begin, 0.0
        while wait is not None:
            now += wait + 1e-9
            wait = air.happen(driver, now)
            found += [(hwsim.number(told[hwsim.TRANSMITTER]), now) for command, told in driver.told if command == hwsim.STATUS]
            driver.told.clear()
        return found

    def test_the_channel_carries_one_frame_after_another(self):
        air, driver = Air(3), Recorder()
        for _ in range(3):
            air.take(driver.event(33, message(0, UNICAST, TRIES)), driver, 5.0)
        ends = [end for _, end in self.ends(air, driver)]
        self.assertEqual(len(ends), 3)
        self.assertTrue(all(b - a > 100e-6 for a, b in zip([5.0, *ends], ends)))

    def test_others_send_while_one_waits_to_try_again(self):
        air, driver = Air(3), Recorder()
        air.links[0, 1].change(loss=1)
        air.take(driver.event(33, message(0, quality(0), [(11, 0, 20)])), driver, 5.0)
        for _ in range(10):
            air.take(driver.event(33, message(2, quality(0, sender=2), TRIES)), driver, 5.0)
        ends = self.ends(air, driver)
        self.assertEqual([radio for radio, _ in ends], [2] * 10 + [0])
        self.assertLess(ends[9][1], 5.005)
        self.assertGreater(ends[10][1], 5.015)

    def test_by_videos_way_of_access_many_tries_take_little_time(self):
        times = []
        for priority in (0, 5):
            air, driver = Air(3), Recorder()
            air.links[0, 1].change(loss=1)
            air.take(driver.event(33, message(0, quality(priority), [(11, 0, 20)])), driver, 5.0)
            times.append(self.ends(air, driver)[0][1] - 5)
        self.assertLess(times[1] * 8, times[0])

    def test_nobody_is_passed_over_for_ever(self):
        air, driver = Air(3), Recorder()
        for _ in range(50):
            for radio in (0, 2):
                air.take(driver.event(33, message(radio, quality(0, radio), TRIES)), driver, 5.0)
        order = [radio for radio, _ in self.ends(air, driver)]
        self.assertEqual(len(order), 100)
        self.assertTrue(all(order[:50].count(radio) > 15 for radio in (0, 2)))

    def test_bad_requests_are_refused(self):
        air = Air(2)
        self.assertRaises(ValueError, air.chosen, 0, 5)
        self.assertRaises(ValueError, air.links[0, 1].change, loss=2)
        self.assertRaises(ValueError, air.links[0, 1].change, k=-3)

    def test_messages_cut_short_are_no_frames(self):
        whole = message(0, UNICAST, TRIES)
        driver = Recorder()
        self.assertIsNone(driver.event(34, whole))
        for length in range(0, 20):
            hwsim.attributes(whole[20:20 + length])


if __name__ == "__main__":
    random.seed(1)
    unittest.main()
