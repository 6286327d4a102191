"""Parses the log of a web server in pure Python: regular expressions, dates, dictionaries. Needs the package ungil.

    python3 examples/python/log_lines.py [LINES]

Threads take as long as one after the other. The program sends each worker parts of the text, and adds up the counts
that come back.
"""

import collections
import datetime
import random
import re
import sys

from pools import compare

LINE = re.compile(r'(\S+) - - \[([^\]]+)\] "(\w+) (\S+) [^"]*" (\d{3}) (\d+|-)')


def log(count):
    """Lines as Apache and nginx write them, always the same ones."""
    choice, moment = random.Random(count), datetime.datetime(2026, 1, 1)
    pages = ["/", "/about", "/search?q=gil", "/images/logo.png", "/articles/1", "/articles/2"]
    for _ in range(count):
        moment += datetime.timedelta(seconds=choice.randrange(10))
        host = "10.0.%d.%d" % (choice.randrange(4), choice.randrange(256))
        status = choice.choices(["200", "304", "404", "500"], [90, 6, 3, 1])[0]
        page, size = choice.choice(pages), choice.randrange(100000)
        time = moment.strftime("%d/%b/%Y:%H:%M:%S +0000")
        yield '%s - - [%s] "GET %s HTTP/1.1" %s %d\n' % (host, time, page, status, size)


def parse(text):
    """What a part of the log says: how often each status, bytes of each page, requests of each hour."""
    statuses, sizes, hours = collections.Counter(), collections.Counter(), collections.Counter()
    for line in text.splitlines():
        _, time, _, page, status, size = LINE.match(line).groups()
        statuses[status] += 1
        sizes[page.partition("?")[0]] += int(size)
        hours[datetime.datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z").hour] += 1
    return statuses, sizes, hours


def parts(lines, size=2000):
    """The lines in chunks, each one text: to send many short texts would take longer."""
    return ["".join(lines[start : start + size]) for start in range(0, len(lines), size)]


def main(count=100000):
    print("The log of a web server: %d lines" % count)
    found = compare(parse, parts(list(log(count))))
    statuses, sizes, hours = (sum(counts, collections.Counter()) for counts in zip(*found))
    assert sum(statuses.values()) == sum(hours.values()) == count
    print("%d requests failed; most bytes: %s" % (statuses["404"] + statuses["500"], sizes.most_common(1)[0][0]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
