"""Globals that are in other globals are one object in each interpreter, whatever tasks use first."""

import unittest

from both_pools import BothPools

PROGRAM = """
class Cache:
    def __init__(self): self.hits = 0
class Application:
    def __init__(self, cache): self.cache = cache
cache = Cache()
application = Application(cache)
items = []
other = items
groups = {"a": [items], "b": items}
ring = [groups]
groups["ring"] = ring
def hit(): cache.hits += 1
def hits(): return application.cache.hits, application.cache is cache
def add(item): items.append(item)
def first(): return groups["a"][0]
def are_same():
    return groups["a"][0] is items is groups["b"] is other, ring[0] is groups, groups["ring"] is ring
def rebind():
    global items
    items = [7]
def by_computed_names():
    look = globals().get
    return look("groups")["b"] is look("items"), look("application").cache is look("cache")
def run(*call): return executor.submit(*call).result()
"""


class InnerGlobals(BothPools):
    def test_tasks_that_use_one_and_then_the_other(self):
        self.assert_prints(
            PROGRAM
            + """
with pool() as executor:
    run(add, 1), run(hit)
    print(run(first), run(hits), run(are_same), run(by_computed_names))
with pool() as executor:
    print(run(by_computed_names), run(first))
    run(add, 2), run(hit)
    print(run(first), run(hits), run(are_same))
with pool() as executor:
    print(run(hits), run(first))
    run(add, 3), run(hit)
    print(run(first), run(hits), run(are_same), items, cache.hits)
with pool() as executor:
    run(add, 4), run(rebind)
    print(run(first), run(are_same)[0])
""",
            "[1] (1, True) (True, True, True) (True, True)",
            "(True, True) []",
            "[2] (1, True) (True, True, True)",
            "(0, True) []",
            "[3] (1, True) (True, True, True) [] 0",
            "[4] False",
        )

    def test_changes_by_the_program(self):
        self.assert_prints(
            PROGRAM
            + """
with pool() as executor:
    run(add, 1)
    application.name = "changed"  # what is in it has not changed, and keeps what tasks made of it
    run(hit)
    print(run(hits), run(first))
    groups["more"] = 1
    print(run(first), run(are_same))
    items.append(5)
    print(run(first), run(are_same))
    other = items = [6]  # the groups have the old one
    print(run(first), run(are_same))
    groups["a"], groups["b"] = [items], items
    print(run(are_same), run(first))
""",
            "(1, True) [1]",
            "[1] (True, True, True)",
            "[5] (True, True, True)",
            "[5] (False, True, True)",
            "(True, True, True) [6]",
            kinds=["interpreters"],
        )

    def test_globals_that_can_be_sent_no_more(self):
        """As another thread changes them. Each time is one of the times that a value is looked at."""
        self.assert_prints(
            PROGRAM
            + """
class Changing:
    looks = 0
    def __init__(self, number):
        self.number = number
    def __getstate__(self):
        Changing.looks += 1
        if Changing.looks == self.number:
            raise TypeError("not any more")
        return {"in it": items}

def look_up(name):
    return eval(name)

with pool() as executor:
    for number in range(1, 6):
        Changing.looks, changing = 0, [Changing(number)]
        print(run(look_up, "items"), end=" ")
""",
            "[] [] [] [] [] ",
            kinds=["interpreters"],
        )


if __name__ == "__main__":
    unittest.main()
