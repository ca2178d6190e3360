"""Owns the static-text tree: calls of one bucket, as sets of numbers, fall into groups that share fixed text.

Texts that occur together in many calls are peeled off as one group, and inside it again. Text that comes and goes
across groups (examples drawn from a pool, optional sentences) splits nothing. Leaves alike in most of their fixed text
are one: versions of a prompt. Pure; the result depends on the order of the rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from .shingles import Hashes

Rows = NDArray[np.int64]

# A task has at least so many calls; a group of texts as well, in a large node more.
SMALLEST: Final = 8
_SHARE: Final = 0.04
_ENOUGH: Final = 20
# Texts of a group: fewer are a phrase, not a template.
_TEXTS: Final = 4
# Texts are of one group where so much of their calls is the same.
_TOGETHER: Final = 0.8
# Part of a node's calls that hold a text for it to be the node's own.
_COMMON: Final = 0.9
# Leaves are one task where so much of their fixed text is the same, unless both have much text of their own.
_OVERLAP: Final = 0.6
_OWN_TEXTS: Final = 45
# Part of a leaf's calls that hold a text for it to be fixed there.
_FIXED: Final = 0.6
# Groups that share between these parts of the smaller one's calls, neither inside the other, cross.
_CROSS: Final = (0.04, 0.9)
# A group crossed by one with so much of its mass is as likely a piece as the other.
_RIVAL: Final = 0.5
# Leaves with so many texts in common, and that share of the smaller one's, are one task where texts fixed in either
# come, now and then, in the other: examples drawn from one pool.
_CORE: Final = 8
_CORE_SHARE: Final = 1 / 3
_STRAY: Final = 0.03
# Of so many leaves held for one task, text in that part of them is a header; leaves with so many texts besides may
# stand alone.
_MANY: Final = 8
_HEADER: Final = 0.8
_OWN_LEAST: Final = 20
# A row of no group belongs to the leaf of whose fixed text it holds so much.
_HELD: Final = 0.5
_MOST_GROUPS: Final = 600
_DEEPEST: Final = 12


@dataclass(frozen=True, slots=True)
class Leaf:
    """Calls of one task, as row numbers, and the numbers of its fixed text; `is_rest` where no fixed text was found."""

    rows: Rows
    skeleton: Hashes
    is_rest: bool = False


@dataclass(slots=True)
class _Group:
    """Texts that occur together, by their number, and the rows they occur in."""

    texts: int
    rows: Rows

    @property
    def mass(self) -> int:
        """How much of what was written it is."""
        return self.texts * len(self.rows)


@dataclass(frozen=True, slots=True)
class _Branch:
    """Rows at the end of the tree; of each node above, itself included, its first row and how many texts it has."""

    rows: Rows
    nodes: tuple[tuple[int, int], ...]
    is_rest: bool

    def core(self, other: _Branch) -> int:
        """How many texts the last node above both has."""
        shared = [mine for mine, theirs in zip(self.nodes, other.nodes, strict=False) if mine == theirs]
        return shared[-1][1] if shared else 0


def grow(documents: Sequence[Hashes]) -> list[Leaf]:
    """Every row in exactly one leaf, largest leaves first; rows in no group of 8 are in a leaf that is the rest."""
    if not documents:
        return []
    matrix, names = _matrix(documents)
    everything = np.arange(len(documents), dtype=np.int64)
    leaves: list[_Branch] = []
    _split(matrix, everything, leaves, ())
    kept = _merged(matrix, [leaf for leaf in leaves if not leaf.is_rest])
    rest = [np.empty(0, dtype=np.int64), *(leaf.rows for leaf in leaves if leaf.is_rest)]
    rows = _taken_in(matrix, np.sort(np.concatenate(rest)), kept)
    found = [Leaf(taken, names[_fixed(matrix, taken)]) for taken in kept]
    if len(rows):
        # A bucket with nothing else in it is one task, whatever its texts.
        is_alone = not found and len(rows) >= SMALLEST
        found.append(Leaf(rows, names[_fixed(matrix, rows)], is_rest=not is_alone))
    return sorted(found, key=lambda leaf: (leaf.is_rest, -len(leaf.rows), leaf.rows[0]))


def _matrix(documents: Sequence[Hashes]) -> tuple[sparse.csr_matrix, Hashes]:
    """Rows x texts that occur in enough calls, and the texts' numbers."""
    lengths = np.array([len(d) for d in documents], dtype=np.int64)
    flat = np.concatenate(documents) if lengths.sum() else np.empty(0, dtype=np.uint64)
    names, columns, counts = np.unique(flat, return_inverse=True, return_counts=True)
    rows = np.repeat(np.arange(len(documents)), lengths)
    frequent = counts >= min(SMALLEST, max(1, len(documents)))
    keep = frequent[columns]
    renumbered = np.cumsum(frequent) - 1
    shape = (len(documents), int(frequent.sum()))
    ones = np.ones(int(keep.sum()), dtype=np.int32)
    return sparse.csr_matrix((ones, (rows[keep], renumbered[columns[keep]])), shape=shape), names[frequent]


def _height(matrix: sparse.csr_matrix | sparse.csc_matrix) -> int:
    return cast("tuple[int, int]", matrix.shape)[0]


def _width(matrix: sparse.csr_matrix | sparse.csc_matrix) -> int:
    return cast("tuple[int, int]", matrix.shape)[1]


def _least(calls: int) -> int:
    return max(SMALLEST, int(min(_SHARE * calls, _ENOUGH)))


def _split(matrix: sparse.csr_matrix, rows: Rows, leaves: list[_Branch], above: tuple[tuple[int, int], ...]) -> None:
    """Adds the leaves of these rows; what belongs to no group is looked at again, for its own least size is lower."""
    remaining = rows
    common = _common(matrix, rows)
    nodes = (*above, (int(rows[0]), common))
    while len(remaining) >= 2 * SMALLEST and len(nodes) <= _DEEPEST:
        children = _children(matrix, remaining)
        if not children:
            break
        for child in children:
            _split(matrix, child, leaves, nodes)
        remaining = np.setdiff1d(remaining, np.concatenate(children), assume_unique=True)
    if len(remaining):
        is_known = len(remaining) >= SMALLEST and (bool(above) or _common(matrix, remaining) >= _TEXTS)
        leaves.append(_Branch(remaining, nodes, is_rest=not is_known))


def _common(matrix: sparse.csr_matrix, rows: Rows) -> int:
    """How many texts nearly all the rows hold."""
    held = np.bincount(matrix[rows].indices, minlength=_width(matrix))
    return int((held >= _COMMON * len(rows)).sum())


def _children(matrix: sparse.csr_matrix, rows: Rows) -> list[Rows]:
    """Disjoint groups of the rows, none of them all rows."""
    groups = _uncrossed(_groups(matrix[rows]), len(rows))
    return [rows[chosen] for chosen in _outermost(groups, len(rows)) if len(chosen) >= SMALLEST]


def _outermost(groups: Sequence[_Group], calls: int) -> list[Rows]:
    """Rows of each group that lies in no other; a row of two goes to the one with more texts."""
    if not groups:
        return []
    order = sorted(groups, key=lambda g: (-len(g.rows), -g.texts, g.rows[0]))
    taken = np.zeros(calls, dtype=bool)
    weights = np.zeros(calls, dtype=np.int64)
    owner = np.full(calls, -1, dtype=np.int64)
    for place, group in enumerate(order):
        if taken[group.rows].mean() < 0.5:
            taken[group.rows] = True
            won = group.rows[weights[group.rows] < group.texts]
            weights[won] = group.texts
            owner[won] = place
    return [np.flatnonzero(owner == place).astype(np.int64) for place in np.unique(owner[owner >= 0])]


def _uncrossed(groups: Sequence[_Group], calls: int) -> list[_Group]:
    """The groups with most text, in which no other one comes and goes; two of a size that cross are both left out."""
    order = sorted(groups, key=lambda g: (-g.mass, -len(g.rows), g.rows[0]))
    member = np.zeros((len(order), calls), dtype=np.float32)
    for number, group in enumerate(order):
        member[number, group.rows] = 1
    sizes = member.sum(axis=1)
    shared = member @ member.T
    smaller = np.minimum(sizes[:, None], sizes[None, :])
    crossing = (shared > np.maximum(2, _CROSS[0] * smaller)) & (shared < _CROSS[1] * smaller)
    np.fill_diagonal(crossing, val=False)
    is_kept = np.zeros(len(order), dtype=bool)
    is_doubtful = np.zeros(len(order), dtype=bool)
    for number, group in enumerate(order):
        rivals = np.flatnonzero(crossing[number] & is_kept)
        is_kept[number] = not len(rivals)
        for rival in rivals:
            is_doubtful[rival] |= group.mass >= _RIVAL * order[rival].mass
    return [order[number] for number in np.flatnonzero(is_kept & ~is_doubtful)]


def _groups(part: sparse.csr_matrix) -> list[_Group]:
    """Groups of at least 4 texts that occur together in enough, but not in all, of the part's rows."""
    calls = _height(part)
    held = np.bincount(part.indices, minlength=_width(part))
    columns = np.flatnonzero((held >= _least(calls)) & (held < _COMMON * calls))
    if len(columns) < _TEXTS:
        return []
    by_text = part[:, columns].tocsc()
    atoms, weights = _atoms(by_text, held[columns])
    return _joined(atoms, weights)


def _atoms(by_text: sparse.csc_matrix, held: NDArray[np.int64]) -> tuple[sparse.csr_matrix, NDArray[np.int64]]:
    """(sets of rows x rows, how many texts occur in exactly that set)."""
    keys = _row_keys(_height(by_text))
    sums = np.add.reduceat(keys[by_text.indices], by_text.indptr[:-1])
    _, first, weights = np.unique(sums, return_index=True, return_counts=True)
    order = np.lexsort((first, -weights, -held[first]))
    return by_text[:, first[order]].T.tocsr(), weights[order]


def _row_keys(count: int) -> Hashes:
    """A number for each row whose sums tell sets of rows apart."""
    numbers = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    numbers ^= numbers >> np.uint64(30)
    numbers *= np.uint64(0xBF58476D1CE4E5B9)
    numbers ^= numbers >> np.uint64(27)
    numbers *= np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _joined(atoms: sparse.csr_matrix, weights: NDArray[np.int64]) -> list[_Group]:
    """Sets of rows that are nearly the same, taken together around the largest."""
    sizes = np.diff(atoms.indptr)
    by_row = atoms.T.tocsr()
    is_free = np.ones(len(weights), dtype=bool)
    groups: list[_Group] = []
    for seed in range(len(weights)):
        # A text that shares its exact rows with no other is the edge of something, or chance.
        if not is_free[seed] or weights[seed] < 2:
            continue
        rows = atoms.indices[atoms.indptr[seed] : atoms.indptr[seed + 1]]
        shared = np.bincount(by_row[rows].indices, minlength=len(weights))
        near = np.flatnonzero(is_free & (shared >= _TOGETHER * (sizes + sizes[seed] - shared)))
        texts = int(weights[near].sum())
        is_free[near] = False
        if texts >= _TEXTS:
            part = atoms[near]
            held = np.bincount(part.indices, np.repeat(weights[near], np.diff(part.indptr)), _width(atoms))
            groups.append(_Group(texts, np.flatnonzero(held >= texts / 2).astype(np.int64)))
            if len(groups) >= _MOST_GROUPS:
                break
    return groups


def _fixed(matrix: sparse.csr_matrix, rows: Rows) -> Rows:
    """The texts that most of the rows hold."""
    held = np.bincount(matrix[rows].indices, minlength=_width(matrix))
    return np.flatnonzero(held >= max(_FIXED * len(rows), 1)).astype(np.int64)


def _profiles(matrix: sparse.csr_matrix, leaves: Sequence[Rows]) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """(leaves x texts: 1 where fixed; the share of the leaf's rows that hold the text)."""
    flat = np.concatenate(leaves)
    sizes = np.array([len(rows) for rows in leaves])
    indptr = np.concatenate(([0], np.cumsum(sizes)))
    chosen = sparse.csr_matrix((np.repeat(1 / sizes, sizes), flat, indptr), shape=(len(leaves), _height(matrix)))
    shares = sparse.csr_matrix(chosen @ matrix)
    fixed = shares.copy()
    fixed.data = (shares.data >= _FIXED - 1e-9).astype(np.float64)
    fixed.eliminate_zeros()
    return fixed, shares


def _merged(matrix: sparse.csr_matrix, branches: Sequence[_Branch]) -> list[Rows]:
    """The leaves; as one those alike in most of their fixed text, and those that share text drawn from one pool."""
    leaves = [branch.rows for branch in branches]
    if len(leaves) < 2:
        return leaves
    fixed, shares = _profiles(matrix, leaves)
    sizes = np.asarray(fixed.sum(axis=1)).ravel()
    shared = (fixed @ fixed.T).toarray()
    own = sizes[:, None] - shared
    # How often texts that are fixed in one leaf, and not in the other, come in the other.
    strays = (fixed @ shares.T).toarray() - (fixed @ fixed.multiply(shares).T).toarray()
    is_stray = (strays >= _STRAY * np.maximum(own, 1)) & (own >= _TEXTS)
    least = np.maximum(_CORE, _CORE_SHARE * np.minimum(sizes[:, None], sizes[None, :]))
    is_drawn = np.zeros_like(is_stray)
    for a, b in np.argwhere(is_stray & is_stray.T & (shared >= least)):
        is_drawn[a, b] = branches[a].core(branches[b]) >= least[a, b]
    label = _labels(_alike(fixed) | is_drawn)
    for number in np.flatnonzero(np.bincount(label) >= _MANY):
        inside = np.flatnonzero(label == number)
        here = np.ix_(inside, inside)
        parts = _behind_header(fixed[inside], is_drawn[here] | is_stray[here] | is_stray.T[here])
        label[inside] = np.where(parts == 0, number, label.max() + parts)
    return [np.sort(np.concatenate([leaves[i] for i in np.flatnonzero(label == n)])) for n in np.unique(label)]


def _labels(is_one: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Numbers of the groups of leaves that links hold together."""
    _, label = csgraph.connected_components(sparse.csr_matrix(is_one), directed=False)
    return cast("NDArray[np.int64]", label)


def _alike(fixed: sparse.csr_matrix) -> NDArray[np.bool_]:
    """Pairs of leaves alike in most of their fixed text."""
    sizes = np.asarray(fixed.sum(axis=1)).ravel()
    shared = (fixed @ fixed.T).toarray()
    own = sizes[:, None] - shared
    union = sizes[:, None] + sizes[None, :] - shared
    return (shared >= _OVERLAP * np.maximum(union, 1)) & (np.minimum(own, own.T) < _OWN_TEXTS)


def _behind_header(fixed: sparse.csr_matrix, is_drawn: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Numbers of the groups of leaves that remain without the text of all; one group if those are few.

    Many tasks behind one header are no versions of one prompt. Leaves with little text besides are alike: a prompt with
    a sentence to choose; so are those whose own text comes and goes in the other.
    """
    held = np.asarray(fixed.sum(axis=0)).ravel()
    rest = sparse.csr_matrix(fixed[:, np.flatnonzero(held < _HEADER * _height(fixed))])
    is_small = np.asarray(rest.sum(axis=1)).ravel() < _OWN_LEAST
    label = _labels(_alike(rest) | is_drawn | (is_small[:, None] & is_small[None, :]))
    is_many = len(np.unique(label[~is_small])) >= _MANY
    return label if is_many else np.zeros_like(label)


def _taken_in(matrix: sparse.csr_matrix, rest: Rows, leaves: list[Rows]) -> Rows:
    """What of the rest belongs to no leaf; a row goes to the leaf of whose fixed text it holds most."""
    if not leaves or not len(rest):
        return rest
    fixed, _ = _profiles(matrix, leaves)
    sizes = np.asarray(fixed.sum(axis=1)).ravel()
    held = (matrix[rest] @ fixed.T).toarray()
    score = np.where(sizes >= _CORE, held / np.maximum(sizes, 1), 0.0)
    best = score.argmax(axis=1)
    is_taken = score.max(axis=1) >= _HELD
    for number in np.unique(best[is_taken]):
        leaves[number] = np.sort(np.concatenate([leaves[number], rest[is_taken & (best == number)]]))
    return rest[~is_taken]
