"""Pictures: the real files, read and checked; what is broken, missing or out of reach is said in one sentence."""

import gzip
import hashlib
import random
import socket
import struct
import threading
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from torchvision.datasets import FashionMNIST

from lecture_lib import data
from lecture_lib.data import images

TRAIN, TRAIN_LABELS, TEST, TEST_LABELS = images.FILES
REAL, DEBIAN = images.FILES, images.DEBIAN
needs_files = pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs the Debian package dataset-fashion-mnist")


def network(monkeypatch, port):
    """From here on, every address is asked for at this port of this machine."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    urllib.request.install_opener(None)  # or urllib goes on with the proxy that it saw first


def small(name: str) -> bytes:
    """A file like Fashion-MNIST's, with 30 or 10 pictures in place of 60,000 or 10,000."""
    n, content = (30 if "train" in name else 10), random.Random(name)
    if "labels" in name:
        return struct.pack(">2I", 0x801, n) + bytes(i % 10 for i in range(n))
    return struct.pack(">4I", 0x803, n, 28, 28) + content.randbytes(n * 28 * 28)


SMALL = {name: small(name) for name in REAL}


@pytest.fixture(autouse=True)
def nothing_there(tmp_path, monkeypatch):
    """Small files are the right ones; no cache, no named folder, no package, and a network where nobody answers."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("LECTURE_LIB_DATA", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    network(monkeypatch, 9)
    monkeypatch.setattr(images, "DEBIAN", tmp_path / "package")
    sums = {name: (REAL[name][0], hashlib.sha256(raw).hexdigest()) for name, raw in SMALL.items()}
    monkeypatch.setattr(images, "FILES", sums)
    yield
    urllib.request.install_opener(None)


@pytest.fixture
def real(monkeypatch):
    monkeypatch.setattr(images, "DEBIAN", DEBIAN)
    monkeypatch.setattr(images, "FILES", REAL)


def put(folder, name=None, change=None, packed=False):
    """Puts the four files into a folder; `name` with `change` made to its bytes, None to leave it out."""
    folder.mkdir(parents=True, exist_ok=True)
    for each, raw in SMALL.items():
        if each != name or change:
            raw = gzip.compress(raw) if packed else raw
            (folder / (each + ".gz" * packed)).write_bytes(change(raw) if each == name else raw)
    return folder


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a[:4], b[:4])) and a[4:] == b[4:]


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


IN_CACHE = sorted(f"FashionMNIST/raw/{name}" for name in REAL)

# ---------------------------------------------------------------- what is in it


@needs_files
def test_fashion_mnist_has_6000_and_1000_pictures_of_each_class(real):
    clothes = data.fashion_mnist()
    assert clothes.train.shape == (60_000, 784) and clothes.test.shape == (10_000, 784)
    assert clothes.train.dtype == clothes.test.dtype == torch.uint8
    assert clothes.train.min() == clothes.test.min() == 0
    assert clothes.train.max() == clothes.test.max() == clothes.levels - 1 == 255
    assert clothes.train_labels.dtype == clothes.test_labels.dtype == torch.long
    assert clothes.train_labels.bincount().tolist() == [6_000] * 10
    assert clothes.test_labels.bincount().tolist() == [1_000] * 10
    assert clothes.shape == (28, 28) and clothes.name == "Fashion-MNIST"
    assert written(data.cache()) == []  # the package is read where it is


def test_torchvisions_class_finds_the_cache_and_agrees_picture_by_picture():
    put(data.cache() / "FashionMNIST/raw")
    clothes = data.fashion_mnist()
    for train, x, labels in (
        (True, clothes.train, clothes.train_labels),
        (False, clothes.test, clothes.test_labels),
    ):
        theirs = FashionMNIST(data.cache(), train=train, download=True)  # nobody answers: asking would be an error
        assert torch.equal(theirs.data.flatten(1), x) and torch.equal(theirs.targets, labels)
    assert [name.lower() for name in theirs.classes] == [name.lower() for name in clothes.classes]


def test_digits_are_long_and_their_classes_are_their_labels():
    digits = data.digits()
    assert digits.train.dtype == digits.test.dtype == torch.long
    assert digits.name == "digits" and digits.classes == tuple("0123456789")


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.long])
def test_levels_of_is_the_inverse_of_scaled(levels, dtype):
    kind = data.digits()._replace(shape=(2, levels), levels=levels)
    x = torch.cat([torch.arange(levels), torch.arange(levels).flip(0)])[None].to(dtype)
    pictures = kind.scaled(x)
    assert pictures.shape == (1, 1, 2, levels) and pictures.dtype == torch.float32
    assert pictures.min() == pictures[0, 0, 0, 0] == -1 and pictures.max() == pictures[0, 0, 1, 0] == 1
    rows = kind.levels_of(pictures)
    assert rows.dtype == torch.long and torch.equal(rows, x.long())
    # less than half a level away, or beyond black and white, it is the nearest level
    assert torch.equal(kind.levels_of(pictures + 0.9 / (levels - 1)), rows)
    assert torch.equal(kind.levels_of(pictures - 0.9 / (levels - 1)), rows)
    assert kind.levels_of(torch.full_like(pictures, 3)).unique().tolist() == [levels - 1]
    assert kind.levels_of(torch.full_like(pictures, -3)).unique().tolist() == [0]


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda d: d.scaled(d.train[:, :60]), r"x has 60 columns\. It should have 64"),
        (lambda d: d.levels_of(torch.zeros(2, 1, 8, 7)), r"pictures has 56 columns\. It should have 64"),
        (lambda d: d.levels_of(torch.full((2, 1, 8, 8), torch.nan)), r"pictures has NaN in 2 of 2 rows"),
    ],
)
def test_rows_and_pictures_of_another_shape_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(data.digits())


# ---------------------------------------------------------------- where it is looked for


@pytest.mark.parametrize("below", [".", "FashionMNIST/raw"])
def test_packed_and_unpacked_files_read_the_same(below, tmp_path, monkeypatch):
    put(tmp_path / "unpacked" / below)
    put(tmp_path / "packed" / below, packed=True)
    clothes = data.fashion_mnist(tmp_path / "unpacked")
    assert same(clothes, data.fashion_mnist(str(tmp_path / "packed")))
    monkeypatch.setenv("LECTURE_LIB_DATA", str(tmp_path / "packed"))
    assert same(clothes, data.fashion_mnist())
    assert not data.cache().exists()  # named folders are read where they are


PLACES = ["argument", "variable", "cache", "package"]


@pytest.mark.parametrize("place", PLACES)
def test_the_first_place_is_the_one_that_is_read(place, tmp_path, monkeypatch):
    """All files agree, so a broken one tells which were read: the first place's, and no later place's."""
    where = dict(zip(PLACES, (tmp_path / "argument", tmp_path / "variable", data.cache(), tmp_path / "package")))

    def load():
        return data.fashion_mnist(where["argument"] if place == "argument" else None)

    if place in ("argument", "variable"):
        monkeypatch.setenv("LECTURE_LIB_DATA", str(where["variable"]))
    for later in PLACES[PLACES.index(place) + 1 :]:
        put(where[later], TRAIN_LABELS, lambda raw: raw[:-1])
    put(where[place])
    assert load().name == "Fashion-MNIST"
    (where[place] / TRAIN_LABELS).write_bytes(b"")
    with pytest.raises(ValueError) as refused:
        load()
    assert str(refused.value).startswith(str(where[place] / TRAIN_LABELS))


def test_a_named_folder_without_the_files_is_an_error_that_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LECTURE_LIB_DATA", str(put(tmp_path / "all")))
    nowhere = tmp_path / "nowhere"
    with pytest.raises(FileNotFoundError, match=rf"^folder .*is {nowhere}\. .* lacks {', '.join(REAL)}\.$"):
        data.fashion_mnist(nowhere)
    monkeypatch.setenv("LECTURE_LIB_DATA", str(put(tmp_path / "three", TEST_LABELS)))
    with pytest.raises(FileNotFoundError, match=rf"LECTURE_LIB_DATA\) is .*three\. .* lacks {TEST_LABELS}\."):
        data.fashion_mnist()
    monkeypatch.setenv("LECTURE_LIB_DATA", "")  # set to nothing is not set
    put(tmp_path / "package", packed=True)
    assert data.fashion_mnist().name == "Fashion-MNIST"


def test_where_the_cache_lacks_a_file_the_package_is_read(tmp_path):
    put(data.cache() / "FashionMNIST/raw", TEST)
    put(tmp_path / "package", packed=True)
    assert same(data.fashion_mnist(), data.fashion_mnist(put(tmp_path / "all")))


# ---------------------------------------------------------------- broken files


@pytest.mark.parametrize("place", ["folder", "cache"])
@pytest.mark.parametrize(
    "name, change",
    [
        (TRAIN, lambda raw: raw[:-1]),
        (TRAIN_LABELS, lambda raw: b""),
        (TEST_LABELS, lambda raw: raw + b"\0"),
        (TEST_LABELS, lambda raw: struct.pack(">I", 0x803) + raw[4:]),
        (TRAIN, lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
        (TEST, lambda raw: raw[:16] + raw[16:][::-1]),  # as MNIST's would be
    ],
    ids=["cut", "empty", "longer", "magic number", "one bit", "other pictures"],
)
def test_a_broken_file_is_refused_by_name(place, name, change, tmp_path):
    folder = put(tmp_path / "folder" if place == "folder" else data.cache(), name, change)
    sentence = rf"is \d+ bytes with sha256 \w{{64}}\. It should be Fashion-MNIST's, with sha256 {images.FILES[name][1]}"
    with pytest.raises(ValueError, match=sentence) as refused:
        data.fashion_mnist(folder if place == "folder" else None)
    assert str(refused.value).startswith(str(folder / name)) and "Delete it, or name another" in str(refused.value)
    if place == "cache":  # nor is it covered up by the digits
        with pytest.raises(ValueError, match=sentence):
            data.clothes_or_digits()


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda raw: raw[:-1], "no whole gzip file"),
        (lambda raw: raw[: len(raw) // 2], "no whole gzip file"),
        (lambda raw: raw[:20] + bytes(10) + raw[30:], "no whole gzip file"),
        (lambda raw: b"<html>" + raw, "no whole gzip file"),
        (lambda raw: b"", "0 bytes"),
        (lambda raw: gzip.compress(gzip.decompress(raw)[:-1]), "17 bytes"),
    ],
    ids=["cut by a byte", "cut", "a hole", "no gzip file", "empty", "packed when cut"],
)
def test_a_broken_packed_file_is_refused_by_name(change, sentence, tmp_path):
    folder = put(tmp_path / "folder", TEST_LABELS, change, packed=True)
    with pytest.raises(ValueError) as refused:
        data.fashion_mnist(folder)
    assert str(refused.value).startswith(f"{folder / TEST_LABELS}.gz is {sentence}")


# ---------------------------------------------------------------- the network


def refused():
    """The sentence of a download that fails."""
    before = socket.getdefaulttimeout()
    with pytest.raises(FileNotFoundError) as error:
        data.fashion_mnist()
    assert socket.getdefaulttimeout() == before
    assert error.value.__cause__ is not None
    assert not written(data.cache())
    return str(error.value)


def test_offline_one_sentence_has_three_remedies():
    sentence = refused()
    assert "\n" not in sentence and "download failed (<urlopen error" in sentence
    for remedy in ("package dataset-fashion-mnist", "folder and name it", "LECTURE_LIB_DATA", "once with a network"):
        assert remedy in sentence
    assert refused() == sentence  # and again


def test_where_no_cache_can_be_written_the_sentence_says_so(tmp_path):
    (tmp_path / "home").write_text("a file, where a folder should be")
    with pytest.raises(FileNotFoundError, match=r"download failed \(.*home"):
        data.fashion_mnist()


def test_a_network_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(images, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls and says nothing
        network(monkeypatch, silent.getsockname()[1])
        assert "timed out" in refused()


def test_a_network_that_answers_something_else_is_a_failed_download(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as gate:
        network(monkeypatch, gate.getsockname()[1])

        def answer():
            caller, _ = gate.accept()
            caller.recv(10_000)
            caller.sendall(b"Please log in first.\r\n")
            caller.close()

        threading.Thread(target=answer, daemon=True).start()
        assert "download failed (Please log in first.)" in refused()


@contextmanager
def mirror(monkeypatch, part):
    """A real server that has the files, packed, and sends the first `part` of each, then hangs up."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            packed = gzip.compress(SMALL[self.path.rsplit("/", 1)[1].removesuffix(".gz")], mtime=0)
            self.send_response(200)
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(packed[: int(part * len(packed))])

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    sums = {f"{name}.gz": hashlib.md5(gzip.compress(raw, mtime=0)).hexdigest() for name, raw in SMALL.items()}
    monkeypatch.setattr(FashionMNIST, "resources", list(sums.items()))
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        network(monkeypatch, server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@pytest.mark.parametrize("there", [None, TEST], ids=["an empty cache", "a cache that lacks a file"])
def test_a_download_is_kept_in_the_cache(there, tmp_path, monkeypatch):
    if there:
        put(data.cache() / "FashionMNIST/raw", there)
    with mirror(monkeypatch, 1):
        clothes = data.fashion_mnist()
    assert written(data.cache()) == IN_CACHE
    assert same(clothes, data.fashion_mnist()) and same(clothes, data.fashion_mnist(put(tmp_path / "all")))


def test_half_a_download_leaves_nothing_that_breaks_the_next(monkeypatch):
    with mirror(monkeypatch, 0.5):
        assert "download failed (" in refused()
    with mirror(monkeypatch, 1):
        assert data.fashion_mnist().name == "Fashion-MNIST"


# ---------------------------------------------------------------- clothes or digits


def test_where_there_are_no_clothes_one_goes_on_with_the_digits_and_is_told(capsys, monkeypatch, tmp_path):
    assert same(data.clothes_or_digits(), data.digits())
    told = capsys.readouterr().out
    assert told.count("\n") == 1 and "goes on with the digits, 8 x 8" in told and "(31 MB)" in told
    assert "dataset-fashion-mnist" in told and "LECTURE_LIB_DATA" in told
    assert "download failed" not in told  # it did not try
    monkeypatch.setenv("LECTURE_LIB_DATA", str(tmp_path / "nowhere"))
    assert data.clothes_or_digits().name == "digits"
    assert f"because folder (or LECTURE_LIB_DATA) is {tmp_path / 'nowhere'}." in capsys.readouterr().out


def test_where_there_are_clothes_nothing_is_said(tmp_path, capsys):
    put(tmp_path / "package")
    assert data.clothes_or_digits().name == "Fashion-MNIST"
    assert capsys.readouterr().out == ""
