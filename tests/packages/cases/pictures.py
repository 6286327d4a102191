"""Pictures, documents, sound and video."""

from . import case


@case("matplotlib", quick=True)
def matplotlib():
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure, file = Figure(), io.BytesIO()
    figure.add_subplot().plot([3, 1, 2], label="line")
    FigureCanvasAgg(figure).print_png(file)
    assert file.getvalue().startswith(b"\x89PNG")


@case("matplotlib")
def matplotlib_pyplot():
    import io

    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, file = plt.figure(), io.BytesIO()
    plt.hist([1, 2, 2, 3])
    plt.title("$x^2$")
    plt.savefig(file, format="svg")
    plt.close(figure)
    assert b"</svg>" in file.getvalue()


@case("contourpy")
def contourpy():
    import contourpy

    lines = contourpy.contour_generator(z=[[0, 0, 0], [0, 2, 0], [0, 0, 0]]).lines(1)
    assert len(lines) == 1 and len(lines[0]) == 5


@case("kiwisolver")
def kiwisolver():
    import kiwisolver

    x, y, solver = kiwisolver.Variable("x"), kiwisolver.Variable("y"), kiwisolver.Solver()
    solver.addConstraint(x + y == 10)
    solver.addConstraint(x == 3)
    solver.updateVariables()
    assert y.value() == 7


@case("opencv-python-headless", quick=True)
def opencv():
    import cv2
    import numpy as np

    picture = np.zeros((80, 80, 3), np.uint8)
    cv2.circle(picture, (40, 40), 20, (255, 255, 255), -1)
    contours, _ = cv2.findContours(picture[:, :, 0].copy(), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    assert len(contours) == 1
    assert (cv2.imdecode(cv2.imencode(".png", picture)[1], cv2.IMREAD_COLOR) == picture).all()


@case("scikit-image")
def scikit_image():
    import numpy as np
    from skimage import filters, measure, transform

    picture = np.zeros((40, 40))
    picture[5:10, 5:10] = picture[20:30, 20:30] = 1
    assert measure.label(picture).max() == 2
    assert filters.gaussian(picture).sum() > 100 and transform.rotate(picture, 90).shape == (40, 40)


@case("pillow", quick=True)
def pillow():
    import io

    from PIL import Image, ImageDraw, ImageFilter

    picture, file = Image.new("RGB", (64, 64), "navy"), io.BytesIO()
    ImageDraw.Draw(picture).text((5, 5), "text", "white")
    picture.filter(ImageFilter.BLUR).resize((32, 32)).save(file, "WEBP", lossless=True)
    assert Image.open(file).convert("RGB").getpixel((30, 30)) == (0, 0, 128)


@case("pillow-heif")
def pillow_heif():
    import io

    import pillow_heif
    from PIL import Image

    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 64), "white")).save(file)
    assert pillow_heif.open_heif(file).size == (64, 64)


@case("imagecodecs")
def imagecodecs():
    import imagecodecs
    import numpy as np

    array = np.arange(4096, dtype=np.uint8).reshape(64, 64)
    for codec in ("png", "jpegxl", "zlib", "lzw"):
        encoded = getattr(imagecodecs, codec + "_encode")(array)
        decoded = getattr(imagecodecs, codec + "_decode")(encoded)
        assert np.asarray(decoded).tobytes() == array.tobytes() if codec != "zlib" else decoded == array.tobytes()


@case("av")
def av():
    import io

    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5


@case("PyMuPDF", quick=True)
def pymupdf():
    import pymupdf

    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "first page")
        document.new_page().draw_rect((10, 10, 50, 50), fill=(1, 0, 0))
        content = document.tobytes()
    with pymupdf.open("pdf", content) as document:
        assert document[0].get_text().strip() == "first page"
        assert document[1].get_pixmap().pixel(30, 30) == (255, 0, 0)


@case("pikepdf")
def pikepdf():
    import io

    import pikepdf

    file = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.docinfo["/Title"] = "title"
        document.save(file)
    with pikepdf.open(file) as document:
        assert str(document.docinfo["/Title"]) == "title"


@case("pypdfium2", "numpy")
def pypdfium2():
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    document.new_page(200, 100)
    assert document[0].render(scale=0.5).to_numpy().shape[:2] == (50, 100)
    document.close()


@case("soundfile", "numpy")
def soundfile():
    import io

    import numpy as np
    import soundfile

    file, sound = io.BytesIO(), np.sin(np.arange(4000) / 20)
    soundfile.write(file, sound, 16000, format="FLAC")
    file.seek(0)
    samples, rate = soundfile.read(file)
    assert rate == 16000 and np.allclose(samples, sound, atol=1e-3)


@case("pygame")
def pygame():
    import os

    os.environ["SDL_VIDEODRIVER"] = "dummy"
    import pygame

    surface = pygame.Surface((40, 40))
    pygame.draw.circle(surface, (0, 200, 0), (20, 20), 10)
    assert surface.get_at((20, 20))[:3] == (0, 200, 0) and pygame.mask.from_threshold(surface, (0, 200, 0), (1, 1, 1)).count()


@case("vtk")
def vtk():
    import vtk

    cone, shrink = vtk.vtkConeSource(), vtk.vtkShrinkPolyData()
    cone.SetResolution(12)
    shrink.SetInputConnection(cone.GetOutputPort())
    shrink.Update()
    assert shrink.GetOutput().GetNumberOfCells() == 13
