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

exercise.case("in the middle", lambda rng: _image(rng, 5, 8, 3, 5))
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


exercise.slips(
    """
The pixel itself is among them. It is not decoded yet: with it the model knows what it should guess, and nobody can
decode.
    dx < 0 -> dx <= 0
Pixels to the right in the same row are among them. They are decoded later.
    dy < 0 or dx < 0 -> {True | (dy, dx) != (0, 0)}
In the rows above, the pixels to the right are known, too.
    range(-side, side + 1) -> range(-side, 1)
The pixels to the left in the same row are known, too.
    dy < 0 or dx < 0 -> dy < 0
The image came in again at its other side. Beyond the border there is 0: an index such as -1 counts from the end.
    x[i, j] if inside else 0.0 -> x[i, j % width]
    i >= 0 and 0 <= j < width -> j < width
Row and column are exchanged: x[row, column].
    = context({x.T, row, column | x, column, row}, above, side)
The row below the right one: after above rows of padding, the window begins at padded[row].
    row + dy -> row + dy + 1
One row too high: after above rows of padding, the window begins at padded[row].
    row + dy -> row + dy - 1
Beyond the border there is 0, black. You put another grey there.
    else 0.0 -> else {-1.0 | 0.5 | 127.5 | 128.0 | 255.0}
After side columns of padding the window begins at padded[:, column]: each pixel has moved to the right by side.
    column : column + 2 * side -> column - side : column + side
After above rows of padding the window begins at padded[row]: each pixel has moved down by above.
    row : row + above -> row - above : row
F.pad begins with the last dimension: (left, right, top, bottom).
    (side, side, above, 0) -> (above, {0 | above}, side, side)
Beyond the border there is 0. You repeated the pixels at the border.
    F.pad(x, (side, side, above, 0)) -> F.pad(x[None], (side, side, above, 0), mode="replicate")[0]
The window goes row by row, each from left to right. You went down the columns.
    window.flatten() -> window.T.flatten()
Row 0 and column 0 are inside of the image, too.
    i >= 0 and 0 <= j -> i > 0 and 0 < j
Each 0 has its place, where the window sticks out. You put them all at the end.
    torch.tensor(seen) -> torch.tensor(sorted(seen, key=lambda pixel: pixel == 0))
Where the window sticks out, a slice of the image has too few pixels, or none. Put zeros round it first.
    = torch.cat([x[row - above : row, column - side : column + side + 1].flatten(), x[row, column - side : column]])
    seen.append(x[i, j] if inside else 0.0) -> seen += [x[i, j]] if inside else []
    padded[row : row + above -> x[row - above : row; column : column + 2 * side -> column - side : column + side
    window.flatten() -> window[window > 0]
In the padded image each pixel has moved, down by above and to the right by side: the window begins at
padded[row, column].
    row : row + above -> row - above : row; column : column + 2 * side -> column - side : column + side
The pixels to come are 0 with you, and still among the numbers. Leave them out.
    = torch.cat([context(x, row, column, above, side), torch.zeros(side + 1)])
These are all pixels before it. Those of the window are asked.
    = x.flatten()[: row * x.shape[1] + column]
"""
)
