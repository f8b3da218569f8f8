"""What a pixel may look at: the window of pixels that are known when it is decoded."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise


def context(x, row, column, above, side):
    """The window's pixels, row by row: image (h, w) -> (above (2 side + 1) + side,), 0 beyond the border."""
    padded = F.pad(x, (side, side, above, 0))
    window = padded[row : row + above + 1, column : column + 2 * side + 1]
    return window.flatten()[: above * (2 * side + 1) + side]


def _image(rng, h, w, row, column, above=2, side=1):
    """Grey levels, none of them 0, so that the border can be seen."""
    x = torch.randint(1, 255, (h, w), generator=rng).float()
    return {"x": x, "row": row, "column": column, "above": above, "side": side}


exercise = Exercise("applications.context", points=4, reference=context)
exercise.style(context)

exercise.case("in the middle", lambda rng: _image(rng, 6, 7, 3, 4))
exercise.case("the first pixel", lambda rng: _image(rng, 5, 5, 0, 0, 1, 2))
exercise.case("at the right border", lambda rng: _image(rng, 6, 5, 4, 4, 3, 2))
exercise.case("a wide window", lambda rng: _image(rng, 4, 4, 1, 2, 2, 4))


@exercise.style
def in_loops(x, row, column, above, side):
    width = x.shape[1]
    seen = []
    for dy in range(-above, 1):
        for dx in range(-side, side + 1):
            if dy < 0 or dx < 0:
                i, j = row + dy, column + dx
                inside = i >= 0 and 0 <= j < width
                seen.append(x[i, j] if inside else 0.0)
    return torch.tensor(seen)


def _seen(x, row, column, above, side, of=lambda dy, dx: dy < 0 or dx < 0, outside=0.0, wrap=""):
    """The pixels of the window for which of(dy, dx) holds."""
    height, width = x.shape
    seen = []
    for dy in range(-above, 1):
        for dx in range(-side, side + 1):
            i, j = row + dy, column + dx
            inside = 0 <= i < height and 0 <= j < width
            if of(dy, dx):
                again = wrap == "both sides" or (wrap and i < height and j < width)
                seen.append(x[i % height, j % width] if inside or again else torch.tensor(outside))
    return torch.stack(seen)


exercise.mistake(
    "The pixel itself is among them. It is not decoded yet: with it the model knows what it should guess, and nobody "
    "can decode.",
    lambda *a: _seen(*a, of=lambda dy, dx: dy < 0 or dx <= 0),
)
exercise.mistake(
    "Pixels to the right in the same row are among them. They are decoded later.",
    lambda *a: _seen(*a, of=lambda dy, dx: True),
    lambda *a: _seen(*a, of=lambda dy, dx: (dy, dx) != (0, 0)),
)
exercise.mistake(
    "In the rows above, the pixels to the right are known, too.",
    lambda *a: _seen(*a, of=lambda dy, dx: dx < 0 or (dy < 0 and dx == 0)),
)
exercise.mistake(
    "The pixels to the left in the same row are known, too.", lambda *a: _seen(*a, of=lambda dy, dx: dy < 0)
)
exercise.mistake(
    "The image came in again at its other side. Beyond the border there is 0: an index such as -1 counts from the end.",
    lambda *a: _seen(*a, wrap="both sides"),
    lambda *a: _seen(*a, wrap="left and top"),
)
exercise.mistake(
    "Row and column are exchanged: x[row, column].",
    lambda x, row, column, above, side: context(x.T, row, column, above, side),
    lambda x, row, column, above, side: context(x, column, row, above, side),
)
exercise.mistake(
    "The row below the right one: after above rows of padding, the window begins at padded[row].",
    lambda x, row, column, above, side: context(F.pad(x, (0, 0, 0, 1)), row + 1, column, above, side),
)
exercise.mistake(
    "One row too high: after above rows of padding, the window begins at padded[row].",
    lambda x, row, column, above, side: context(F.pad(x, (0, 0, 1, 0)), row, column, above, side),
)
exercise.mistake(
    "Beyond the border there is 0, black. You put another grey there.",
    *(lambda *a, g=g: _seen(*a, outside=g) for g in (-1.0, 0.5, 127.5, 128.0, 255.0)),
)


def _cut(of=lambda x, above, side: F.pad(x, (side, side, above, 0)), rows=0, columns=0):
    """The window out of a frame like this one, from so many `above` rows and `side` columns farther on."""

    def wrong(x, row, column, above, side):
        top, left = row + rows * above, column + columns * side
        window = of(x, above, side)[top : row + above + 1 + rows * above, left : left + 2 * side + 1]
        return window.flatten()[: above * (2 * side + 1) + side]

    return wrong


def _slices(begin, end=lambda seen, most: seen):
    """Without a frame: slices that begin at begin(row - above), begin(column - side)."""

    def wrong(x, row, column, above, side):
        left = begin(column - side)
        seen = torch.cat([x[begin(row - above) : row, left : column + side + 1].flatten(), x[row, left:column]])
        return end(seen, above * (2 * side + 1) + side)

    return wrong


def _windows(begin):
    """The same, cut out of one window that begins there."""

    def wrong(x, row, column, above, side):
        seen = x[begin(row - above) : row + 1, begin(column - side) : column + side + 1]
        return seen.flatten()[: above * (2 * side + 1) + side]

    return wrong


exercise.mistake(
    "After side columns of padding the window begins at padded[:, column]: each pixel has moved to the right by side.",
    _cut(columns=-1),
)
exercise.mistake(
    "After above rows of padding the window begins at padded[row]: each pixel has moved down by above.", _cut(rows=-1)
)
exercise.mistake(
    "F.pad begins with the last dimension: (left, right, top, bottom).",
    _cut(lambda x, above, side: F.pad(x, (above, 0, side, side))),
    _cut(lambda x, above, side: F.pad(x, (above, above, side, side))),
    _cut(lambda x, above, side: F.pad(x, (above, 0, side, 0))),
)
exercise.mistake(
    "Beyond the border there is 0. You repeated the pixels at the border.",
    _cut(lambda x, above, side: F.pad(x[None], (side, side, above, 0), mode="replicate")[0]),
)
exercise.mistake(
    "The window goes row by row, each from left to right. You went down the columns.",
    lambda x, row, column, above, side: F.pad(x, (side, side, above, 0))[
        row : row + above + 1, column : column + 2 * side + 1
    ].T.flatten()[: above * (2 * side + 1) + side],
)
exercise.mistake(
    "Row 0 and column 0 are inside of the image, too.",
    lambda x, *a: context(torch.cat([0 * x[:1], x[1:]]).index_fill(1, torch.tensor(0), 0.0), *a),
)
exercise.mistake(
    "Each 0 has its place, where the window sticks out. You put them all at the end.",
    _slices(lambda i: max(i, 0), lambda seen, most: F.pad(seen, (0, most - len(seen)))),
)
exercise.mistake(
    "Where the window sticks out, a slice of the image has too few pixels, or none. Put zeros round it first.",
    _slices(lambda i: i),
    _slices(lambda i: max(i, 0)),
    _windows(lambda i: i),
    _windows(lambda i: max(i, 0)),
)
exercise.mistake(
    "In the padded image each pixel has moved, down by above and to the right by side: the window begins at "
    "padded[row, column].",
    lambda x, row, column, above, side: _windows(lambda i: i)(
        F.pad(x, (side, side, above, 0)), row, column, above, side
    ),
)
exercise.mistake(
    "The pixels to come are 0 with you, and still among the numbers. Leave them out.",
    lambda *a: torch.cat([context(*a), torch.zeros(a[-1] + 1)]),
)
