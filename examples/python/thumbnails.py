"""Thumbnails of a folder of images, and the main colours of each. Needs Pillow and the package ungil.

    python3 examples/python/thumbnails.py [IMAGES]

Pillow reads and shrinks images without the GIL, so threads are good for that. The colours are counted in Python, which
is what threads take turns at. Each interpreter has its own Pillow.
"""

import collections
import os
import random
import sys
import tempfile

from PIL import Image, ImageDraw

from pools import compare

SIZE, THUMBNAIL = (1600, 1200), (200, 200)
COLOURS = {"red": (224, 32, 32), "green": (32, 160, 32), "blue": (32, 32, 224), "orange": (224, 160, 32)}


def draw(path, number):
    """An image whose background has one of the colours, with ellipses on it that cover less than half of it."""
    choice, names = random.Random(number), list(COLOURS)
    image = Image.new("RGB", SIZE, COLOURS[names[number % len(names)]])
    drawing = ImageDraw.Draw(image)
    for _ in range(40):
        x, y, size = choice.randrange(SIZE[0]), choice.randrange(SIZE[1]), choice.randrange(20, 100)
        colour = tuple(choice.randrange(256) for _ in range(3))
        drawing.ellipse((x, y, x + size, y + size), fill=colour)
    image.save(path, quality=90)


def name_of(colour):
    """The nearest of the colours that have a name."""
    return min(COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(COLOURS[name], colour)))


def thumbnail(path):
    """Writes the thumbnail beside the image. Returns its size, and the colour of most of its pixels."""
    with Image.open(path) as image:
        image.thumbnail(THUMBNAIL)
        small = image.convert("RGB")
    small.save(os.path.splitext(path)[0] + ".thumbnail.png")
    pixels = small.tobytes()
    counts = collections.Counter()
    for start in range(0, len(pixels), 3):
        red, green, blue = pixels[start : start + 3]
        counts[red >> 5, green >> 5, blue >> 5] += 1
    [(most, _)] = counts.most_common(1)
    return small.size, name_of([part * 32 + 16 for part in most])


def main(count=60):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, "%03d.jpg" % number) for number in range(count)]
        for number, path in enumerate(paths):
            draw(path, number)
        print("Thumbnails of %d images of %d x %d pixels" % (count, *SIZE))
        found = compare(thumbnail, paths)
        made = sum(name.endswith(".thumbnail.png") for name in os.listdir(folder))
    print("%d thumbnails of %d x %d pixels" % (made, *found[0][0]))
    for name, number in collections.Counter(name for _, name in found).items():
        print("  %-8s%4d" % (name, number))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
