"""The example of a web service answers right, with its slow requests in each way, to a real client."""

import importlib.util
import os
import unittest

import stress

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "python", "web_service.py")


class WebService(unittest.TestCase):
    def test_answers(self):
        spec = importlib.util.spec_from_file_location("web_service", EXAMPLE)
        service = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(service)
        for way in ["interpreters"] if stress.is_short() else service.WAYS:
            with self.subTest(way=way):
                times, answers = service.measure(way, 0.5)
                self.assertEqual(answers, {b'{"answer":2262}'})
                self.assertGreater(len(times), 0)


if __name__ == "__main__":
    unittest.main()
