"""Pictures: the real files, read and checked; what is broken, missing or out of reach is said in one sentence."""

import gzip
import hashlib
import shutil
import socket
import struct
import tempfile
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
DEBIAN = images.DEBIAN
needs_files = pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs the Debian package dataset-fashion-mnist")


def network(monkeypatch, port):
    """From here on, every address is asked for at this port of this machine."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    urllib.request.install_opener(None)  # or urllib goes on with the proxy that it saw first


@pytest.fixture(autouse=True)
def nothing_there(tmp_path, monkeypatch):
    """No cache, no named folder, no Debian package, and a network where nobody answers."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("LECTURE_LIB_DATA", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    network(monkeypatch, 9)
    monkeypatch.setattr(images, "DEBIAN", tmp_path / "no package")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    yield
    urllib.request.install_opener(None)
    assert not any((tmp_path / "temporary").iterdir())
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def debian(monkeypatch):
    monkeypatch.setattr(images, "DEBIAN", DEBIAN)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """A folder with the four real files, unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    for name in images.FILES:
        (folder / name).write_bytes(gzip.decompress((DEBIAN / f"{name}.gz").read_bytes()))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def put(unpacked):
    """Puts the four files into a folder; `name` with `change` made to its bytes, None to leave it out."""

    def put(folder, name=None, change=None, end=""):
        folder.mkdir(parents=True, exist_ok=True)
        for each in images.FILES:
            if each != name:
                (folder / each).symlink_to(unpacked / each)
            elif change:
                (folder / (each + end)).write_bytes(change((unpacked / each).read_bytes()))
        return folder

    return put


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a[:4], b[:4])) and a[4:] == b[4:]


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


IN_CACHE = sorted(f"FashionMNIST/raw/{name}" for name in images.FILES)

# ---------------------------------------------------------------- what is in it


@needs_files
def test_fashion_mnist_has_6000_and_1000_pictures_of_each_class(debian):
    clothes = data.fashion_mnist()
    assert clothes.train.shape == (60_000, 784) and clothes.test.shape == (10_000, 784)
    assert clothes.train.dtype == clothes.test.dtype == torch.uint8
    assert clothes.train.min() == clothes.test.min() == 0
    assert clothes.train.max() == clothes.test.max() == clothes.levels - 1 == 255
    assert clothes.train_labels.dtype == clothes.test_labels.dtype == torch.long
    assert clothes.train_labels.bincount().tolist() == [6_000] * 10
    assert clothes.test_labels.bincount().tolist() == [1_000] * 10
    assert clothes.shape == (28, 28) and clothes.name == "Fashion-MNIST"


@needs_files
def test_torchvisions_class_finds_the_cache_and_agrees_picture_by_picture(debian):
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
        (lambda d: d.levels_of(d.train), r"pictures has shape \(1400, 64\)\. It should be \(n, 1, 8, 8\)"),
        (lambda d: d.levels_of(torch.full((2, 1, 8, 8), torch.nan)), r"pictures has NaN in 2 of 2 rows"),
    ],
)
def test_rows_and_pictures_of_another_shape_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(data.digits())


# ---------------------------------------------------------------- where it is looked for


@needs_files
@pytest.mark.parametrize("below", [".", "FashionMNIST/raw"])
def test_packed_and_unpacked_files_read_the_same(below, put, tmp_path, monkeypatch):
    put(tmp_path / "unpacked" / below)
    (tmp_path / "packed" / below).mkdir(parents=True)
    for name in images.FILES:
        (tmp_path / "packed" / below / f"{name}.gz").symlink_to(DEBIAN / f"{name}.gz")
    clothes = data.fashion_mnist(tmp_path / "unpacked")
    assert same(clothes, data.fashion_mnist(str(tmp_path / "packed")))
    monkeypatch.setenv("LECTURE_LIB_DATA", str(tmp_path / "packed"))
    assert same(clothes, data.fashion_mnist())
    assert not data.cache().exists()  # named folders are read where they are


PLACES = ["argument", "variable", "cache", "package"]


@needs_files
@pytest.mark.parametrize("place", PLACES)
def test_the_first_place_is_the_one_that_is_read(place, put, tmp_path, monkeypatch):
    """All files agree, so a broken one tells which were read: the first place's, and no later place's."""
    where = dict(zip(PLACES, (tmp_path / "argument", tmp_path / "variable", data.cache(), tmp_path / "package")))

    def load():
        return data.fashion_mnist(where["argument"] if place == "argument" else None)

    monkeypatch.setattr(images, "DEBIAN", where["package"])
    if place in ("argument", "variable"):
        monkeypatch.setenv("LECTURE_LIB_DATA", str(where["variable"]))
    for later in PLACES[PLACES.index(place) + 1 :]:
        put(where[later], TRAIN_LABELS, lambda raw: raw[:-1])
    put(where[place])
    assert load().name == "Fashion-MNIST"
    if place != "package":  # which is by now in the cache
        (where[place] / TRAIN_LABELS).unlink()
        (where[place] / TRAIN_LABELS).write_bytes(b"")
        with pytest.raises(ValueError) as refused:
            load()
        assert str(refused.value).startswith(str(where[place] / TRAIN_LABELS))


@needs_files
def test_a_named_folder_without_the_files_is_an_error_that_names_it(debian, put, tmp_path, monkeypatch):
    monkeypatch.setenv("LECTURE_LIB_DATA", str(DEBIAN))
    nowhere = tmp_path / "nowhere"
    with pytest.raises(FileNotFoundError, match=rf"folder is {nowhere}\. .* lacks {', '.join(images.FILES)}"):
        data.fashion_mnist(nowhere)
    monkeypatch.setenv("LECTURE_LIB_DATA", str(put(tmp_path / "three", TEST_LABELS)))
    with pytest.raises(FileNotFoundError, match=rf"LECTURE_LIB_DATA is .*three\. .* lacks {TEST_LABELS}\."):
        data.fashion_mnist()
    monkeypatch.setenv("LECTURE_LIB_DATA", "")  # set to nothing is not set
    assert data.fashion_mnist().name == "Fashion-MNIST"


@needs_files
def test_a_cache_that_lacks_a_file_is_filled_from_the_package(debian, put):
    put(data.cache() / "FashionMNIST/raw", TEST)
    clothes = data.fashion_mnist()
    assert written(data.cache()) == IN_CACHE
    images.DEBIAN = DEBIAN / "nowhere"
    assert same(clothes, data.fashion_mnist())


# ---------------------------------------------------------------- broken files


@needs_files
@pytest.mark.parametrize("place", ["folder", "cache"])
@pytest.mark.parametrize(
    "name, change, sentence",
    [
        (TRAIN, lambda raw: raw[:-1], r"length in bytes is 47040015\. It should be 47040016"),
        (TRAIN_LABELS, lambda raw: b"", r"length in bytes is 0\. It should be 60008"),
        (TEST_LABELS, lambda raw: raw + b"\0", r"length in bytes is 10009\. It should be 10008"),
        (TEST_LABELS, lambda raw: struct.pack(">I", 0x803) + raw[4:], r"magic number is 0x803\. It should be 0x801"),
        (
            TEST,
            lambda raw: struct.pack(">4I", 0x803, 10_000, 14, 56) + raw[16:],
            r"size in the header is \(10000, 14, 56\)\. It should be \(10000, 28, 28\)",
        ),
        (TRAIN, lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), r"sha256 is \w{64}\. It should be c59f"),
        (TEST, lambda raw: raw[:16] + raw[16:][::-1], r"sha256 is \w{64}\. It should be 5b41"),  # as MNIST's would be
    ],
    ids=["cut", "empty", "longer", "magic number", "sizes", "one bit", "other pictures"],
)
def test_a_broken_file_is_refused_by_name(place, name, change, sentence, debian, put, tmp_path):
    folder = put(tmp_path / "folder" if place == "folder" else data.cache(), name, change)
    with pytest.raises(ValueError, match=sentence) as refused:
        data.fashion_mnist(folder if place == "folder" else None)
    assert str(refused.value).startswith(str(folder / name)) and "Delete it, or name another" in str(refused.value)
    if place == "cache":  # nor is it covered up by the digits
        with pytest.raises(ValueError, match=sentence):
            data.clothes_or_digits()


@needs_files
@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda raw: gzip.compress(raw)[:-1], r"is damaged: .*\. It should be a whole gzip file"),
        (lambda raw: gzip.compress(raw)[:1000], r"is damaged: .*\. It should be a whole gzip file"),
        (lambda raw: gzip.compress(raw)[:1000] + bytes(1000) + gzip.compress(raw)[2000:], r"is damaged: "),
        (lambda raw: b"<html>" + raw, r"is damaged: .*\. It should be a whole gzip file"),
        (lambda raw: b"", r"is .*\. It should be"),
        (lambda raw: gzip.compress(raw[:-1]), r"length in bytes is 10007\. It should be 10008"),
    ],
    ids=["cut by a byte", "cut", "a hole", "no gzip file", "empty", "packed when cut"],
)
def test_a_broken_packed_file_is_refused_by_name(change, sentence, put, tmp_path):
    folder = put(tmp_path / "folder", TEST_LABELS, change, end=".gz")
    with pytest.raises(ValueError, match=sentence) as refused:
        data.fashion_mnist(folder)
    assert str(refused.value).startswith(str(folder / f"{TEST_LABELS}.gz"))


# ---------------------------------------------------------------- the cache


@needs_files
def test_a_full_disk_leaves_no_cache_and_still_the_pictures(debian, unpacked):
    """Full after 10 MB."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, before[1]))
    try:
        clothes = data.fashion_mnist()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert same(clothes, data.fashion_mnist(unpacked))
    assert written(data.cache()) == [] and not any((data.cache() / "FashionMNIST/raw").iterdir())
    data.fashion_mnist()
    assert written(data.cache()) == IN_CACHE


@needs_files
def test_where_no_cache_can_be_written_the_pictures_are_there_all_the_same(debian, unpacked, tmp_path):
    (tmp_path / "home").write_text("a file, where a folder should be")
    assert same(data.fashion_mnist(), data.fashion_mnist(unpacked))


# ---------------------------------------------------------------- the network


def refused():
    """The sentence of a download that fails."""
    before = socket.getdefaulttimeout()
    with pytest.raises(FileNotFoundError) as error:
        data.fashion_mnist()
    assert socket.getdefaulttimeout() == before
    assert error.value.__cause__ is not None
    assert not data.cache().exists()
    return str(error.value)


def test_offline_one_sentence_has_three_remedies():
    sentence = refused()
    assert "\n" not in sentence and "download failed (<urlopen error" in sentence
    for remedy in ("package dataset-fashion-mnist", "folder and name it", "LECTURE_LIB_DATA", "once with a network"):
        assert remedy in sentence
    assert refused() == sentence  # and again


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
    """A real server that has the package's files and sends the first `part` of each, then hangs up."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            packed = (DEBIAN / self.path.rsplit("/", 1)[1]).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(packed[: int(part * len(packed))])

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    # the package's files are packed anew, so their checksums are not those that torchvision waits for
    resources = [(f"{name}.gz", hashlib.md5((DEBIAN / f"{name}.gz").read_bytes()).hexdigest()) for name in images.FILES]
    monkeypatch.setattr(FashionMNIST, "resources", resources)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        network(monkeypatch, server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@needs_files
def test_a_download_is_kept_in_the_cache(unpacked, monkeypatch):
    with mirror(monkeypatch, 1):
        clothes = data.fashion_mnist()
    assert written(data.cache()) == IN_CACHE
    assert same(clothes, data.fashion_mnist()) and same(clothes, data.fashion_mnist(unpacked))


@needs_files
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
    assert f"because LECTURE_LIB_DATA is {tmp_path / 'nowhere'}." in capsys.readouterr().out


@needs_files
def test_where_there_are_clothes_nothing_is_said(debian, capsys):
    assert data.clothes_or_digits().name == "Fashion-MNIST"
    assert capsys.readouterr().out == ""
