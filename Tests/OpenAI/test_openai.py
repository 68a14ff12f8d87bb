"""The official OpenAI client against a running siftd with the reference model: a client that somebody else wrote."""

import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import openai

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "Models" / "sift-reference-moe"
SIFTD = pathlib.Path(os.environ.get("SIFTD", ROOT / ".build" / "release" / "siftd"))
PROMPT = "1 In the beginning God created the heaven and the earth.\n2 And"


class Daemon:
    """One siftd without peers on a free port, awaited over its notify socket."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="so", dir="/tmp")
        self.log = os.path.join(self.folder, "log")
        # Bound and not listening: the port is given to nobody else, and siftd can listen there.
        self.kept = socket.socket()
        self.kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.kept.bind(("127.0.0.1", 0))
        self.port = self.kept.getsockname()[1]
        config = os.path.join(self.folder, "siftd.toml")
        with open(config, "w") as file:
            file.write(
                f'[model]\npath = "{MODEL}"\nname = "reference"\n'
                f'[api]\nsocket = ""\nlisten = "127.0.0.1:{self.port}"\n[journal]\nto = "stderr"\n'
            )
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(self.folder, "notify")
        self.notify.bind(path)
        self.notify.settimeout(60)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [SIFTD, "--config", config], env={**os.environ, "NOTIFY_SOCKET": path}, stdout=log, stderr=log
            )
        # A process that ends early closes no socket of ours, so its end is turned into a datagram.
        threading.Thread(target=self._say_when_it_ends, args=(path,), daemon=True).start()
        while True:
            words = self.notify.recv(4096).decode().split("\n")
            if "READY=1" in words:
                return
            if "ENDED" in words:
                raise AssertionError(f"siftd ended before it was ready:\n{self.words()}")

    def _say_when_it_ends(self, path):
        self.process.wait()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            try:
                sender.sendto(b"ENDED", path)
            except OSError:
                pass

    def words(self):
        with open(self.log) as log:
            return log.read()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(30)
        self.notify.close()
        self.kept.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        return status


class OpenAITests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.client = openai.OpenAI(
            base_url=f"http://127.0.0.1:{cls.daemon.port}/v1", api_key="none", max_retries=0, timeout=60
        )

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        status = cls.daemon.stop()
        assert status == 0, f"siftd ended with status {status}"

    def test_the_model_is_listed(self):
        self.assertEqual([model.id for model in self.client.models.list()], ["reference"])
        self.assertEqual(self.client.models.retrieve("reference").owned_by, "siftd")

    def test_a_completion_continues_the_text(self):
        answer = self.client.completions.create(model="reference", prompt=PROMPT, max_tokens=12, temperature=0)
        # The golden continuation of the reference model begins like this.
        self.assertTrue(answer.choices[0].text.startswith(" the LORD spake unto Moses"), answer.choices[0].text)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertEqual((answer.usage.prompt_tokens, answer.usage.completion_tokens), (14, 12))
        self.assertEqual(answer.usage.total_tokens, 26)

    def test_a_completion_stops_at_a_stop_string(self):
        answer = self.client.completions.create(
            model="reference", prompt=PROMPT, max_tokens=40, temperature=0, stop=[" unto"]
        )
        self.assertEqual(answer.choices[0].text, " the LORD spake")
        self.assertEqual(answer.choices[0].finish_reason, "stop")

    def test_a_streamed_completion_is_the_same_text(self):
        whole = self.client.completions.create(model="reference", prompt=PROMPT, max_tokens=30, temperature=0)
        chunks = list(
            self.client.completions.create(
                model="reference", prompt=PROMPT, max_tokens=30, temperature=0, stream=True,
                stream_options={"include_usage": True},
            )
        )
        text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
        self.assertEqual(text, whole.choices[0].text)
        self.assertGreater(len(chunks), 10)
        self.assertEqual(chunks[-1].usage.completion_tokens, 30)

    def test_a_seed_fixes_what_is_drawn(self):
        def draw(seed):
            return self.client.completions.create(
                model="reference", prompt=PROMPT, max_tokens=20, temperature=1.0, top_p=0.95, seed=seed
            ).choices[0].text

        self.assertEqual(draw(7), draw(7))
        self.assertGreater(len({draw(seed) for seed in range(8)}), 4)

    def test_several_answers_come_in_one(self):
        answer = self.client.completions.create(
            model="reference", prompt=[PROMPT, "The return value is"], n=2, max_tokens=8, temperature=1.0, seed=3
        )
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2, 3])

    def test_a_chat_answers_as_the_assistant(self):
        answer = self.client.chat.completions.create(
            model="reference",
            messages=[
                {"role": "system", "content": "You are a dictionary."},
                {"role": "user", "content": "What is a horse?"},
            ],
            max_tokens=16,
            temperature=0,
        )
        self.assertEqual(answer.choices[0].message.role, "assistant")
        self.assertGreater(len(answer.choices[0].message.content), 0)
        self.assertGreater(answer.usage.prompt_tokens, 10)

    def test_a_streamed_chat_is_the_same_text(self):
        arguments = dict(
            model="reference", messages=[{"role": "user", "content": "What is a horse?"}], max_tokens=16, temperature=0
        )
        whole = self.client.chat.completions.create(**arguments).choices[0].message.content
        chunks = list(self.client.chat.completions.create(**arguments, stream=True))
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in chunks), whole)
        self.assertIn(chunks[-1].choices[0].finish_reason, ("stop", "length"))

    def test_the_sift_object_goes_and_comes(self):
        answer = self.client.completions.create(
            model="reference", prompt=PROMPT, max_tokens=8, temperature=0,
            extra_body={"sift": {"policy": "topk", "error_budget": 0.25}},
        )
        sift = answer.model_extra["sift"]
        self.assertEqual((sift["policy"], sift["error_budget"], sift["visits"]), ("topk", 0.25, 0))
        self.assertGreater(sift["energy_j"], 0)
        self.assertIn(sift["energy_standing"], ("measured", "derived", "modelled"))

    def test_bad_requests_are_proper_exceptions(self):
        cases = [
            (dict(prompt=PROMPT, max_tokens=0), "max_tokens"),
            (dict(prompt=PROMPT, temperature=-1), "temperature"),
            (dict(prompt=""), "prompt"),
            (dict(prompt="word " * 5000), "context"),
            (dict(prompt=PROMPT, extra_body={"sift": {"policy": "best"}}), "sift.policy"),
            (dict(prompt=PROMPT, extra_body={"nonsense": 1}), "nonsense"),
        ]
        for arguments, word in cases:
            with self.subTest(word=word):
                with self.assertRaises(openai.BadRequestError) as raised:
                    self.client.completions.create(model="reference", **arguments)
                self.assertEqual(raised.exception.status_code, 400)
                self.assertEqual(raised.exception.type, "invalid_request_error")
                self.assertIn(word, raised.exception.message)

    def test_an_unknown_model_is_not_found(self):
        with self.assertRaises(openai.NotFoundError) as raised:
            self.client.completions.create(model="another", prompt=PROMPT)
        self.assertEqual(raised.exception.code, "model_not_found")

    def test_a_body_of_100_megabytes_is_refused_and_the_next_request_is_answered(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=60)
        self.addCleanup(connection.close)
        connection.request(
            "POST", "/v1/completions", body=b" " * 100_000_000, headers={"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        self.assertEqual(response.status, 413)
        self.assertIn("larger than", json.load(response)["error"]["message"])
        answer = self.client.completions.create(model="reference", prompt=PROMPT, max_tokens=5, temperature=0)
        self.assertEqual(answer.usage.completion_tokens, 5)

    def test_a_client_that_goes_away_disturbs_nobody(self):
        with self.client.completions.create(
            model="reference", prompt=PROMPT, max_tokens=500, temperature=0, stream=True
        ) as stream:
            next(iter(stream))
        answer = self.client.completions.create(model="reference", prompt=PROMPT, max_tokens=5, temperature=0)
        self.assertEqual(answer.usage.completion_tokens, 5)


if __name__ == "__main__":
    unittest.main()
