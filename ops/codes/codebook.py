"""Words of a few letters, one for each object: minimal, random, or far from one another.

Cross-classification clustering ("3C": Meirovitch, Mi et al., CVPR 2019, arXiv 1812.01157) tells N
objects apart by k classifications into l classes, where l ** k >= N: the word of an object says
its class in each of them.
"""

import dataclasses

import numpy as np
from jaxtyping import Int64, UInt8

LONGEST = 24  # digits: the likelihood of a word then fits a float32
MOST_LETTERS = 255  # and nothing is the 256th colour
MOST_WORDS = 1 << 20  # that a search looks through


@dataclasses.dataclass(frozen=True)
class Codebook:
    """A word for each object.

    Attributes:
        digits: of each object's word, 0 to letters - 1; all words differ.
        letters: how many there are, 2 to 255.

    Raises:
        ValueError: too few or too many letters, none or more than 24 digits, a digit that is no
            letter, or two objects of one word.
    """

    digits: UInt8[np.ndarray, "objects length"]
    letters: int

    def __post_init__(self) -> None:
        check_format(self.letters, self.length)
        if self.digits.max(initial=0) >= self.letters:
            raise ValueError(
                f"got the digit {self.digits.max()}; needs digits below {self.letters}, the number "
                "of letters"
            )
        distinct, counts = np.unique(self.digits, axis=0, return_counts=True)
        if len(distinct) < len(self.digits):
            word = distinct[counts.argmax()].tolist()
            raise ValueError(f"got the word {word} for {counts.max()} objects; needs one for each")

    @property
    def length(self) -> int:
        """Digits of a word: so many images are classified."""
        return self.digits.shape[1]


def least_length(objects: int, letters: int) -> int:
    """The smallest length, >= 1, of which there are words for so many objects."""
    check_format(letters, 1)
    length = 1
    while letters**length < objects:
        length += 1
    return length


def minimal_code(objects: int, letters: int) -> Codebook:
    """The numbers 0, 1, ... of the objects, written with as few digits as will do."""
    length = least_length(objects, letters)
    return Codebook(_written(np.arange(objects), letters, length), letters)


def random_code(objects: int, letters: int, length: int, seed: int) -> Codebook:
    """Different words, every choice of them as probable as any other.

    Raises:
        ValueError: more objects than words, or letters or a length that a codebook refuses.
    """
    check_room(objects, letters, length)
    rng = np.random.default_rng(seed)
    words = np.zeros((0, length), np.uint8)
    while len(words) < objects:
        more = rng.integers(letters, size=(max(objects, 64), length), dtype=np.uint8)
        words = np.concatenate([words, more])
        words = words[np.sort(np.unique(words, axis=0, return_index=True)[1])]
    return Codebook(words[:objects], letters)


def redundant_code(objects: int, letters: int, length: int) -> Codebook:
    """Words of a large minimum distance: misread digits are seen, or even mended.

    Of all words in order, each is taken that differs in at least d digits from those taken before:
    the lexicode of Conway & Sloane, "Lexicographic codes: error-correcting codes from game
    theory", IEEE Trans. Inf. Theory 32 (1986); d is the largest that gives enough words. It
    reaches the best possible d for many a format (with 4 letters, d = 3 for 64 words of 5 digits
    and 4 for 64 words of 6), not for all.

    Raises:
        ValueError: more objects than words, more than 2 ** 20 words to look through, or letters or
            a length that a codebook refuses.
    """
    check_room(objects, letters, length)
    if letters**length > MOST_WORDS:
        raise ValueError(
            f"got {length} digits of {letters} letters, {letters**length} words to look through; "
            f"needs at most {MOST_WORDS}: take fewer digits, or a random code"
        )
    words = _written(np.arange(letters**length), letters, length)
    distances = range(_largest_distance(objects, letters, length), 1, -1)
    found = (_lexicode(words, letters, distance, objects) for distance in distances)
    best = next((code for code in found if code is not None), words[:objects])
    return Codebook(best, letters)


def minimum_distance(codebook: Codebook) -> int:
    """The fewest digits in which two words differ; all, where there are no two words.

    A distance d shows d - 1 misread digits of a word, and mends (d - 1) // 2.
    """
    least = codebook.length
    for number, word in enumerate(codebook.digits[1:], start=1):
        different = np.count_nonzero(codebook.digits[:number] != word, axis=1)
        least = min(least, int(different.min()))
    return least


def check_format(letters: int, length: int) -> None:
    """Raises ValueError unless there can be words of these letters and this length."""
    if not 2 <= letters <= MOST_LETTERS:
        raise ValueError(f"got {letters} letters; needs 2 to {MOST_LETTERS}")
    if not 1 <= length <= LONGEST:
        raise ValueError(f"got words of {length} digits; needs 1 to {LONGEST}: take more letters")


def check_room(objects: int, letters: int, length: int) -> None:
    """Raises ValueError unless there are words for so many objects."""
    check_format(letters, length)
    if objects > letters**length:
        enough = next(n for n in range(letters, objects + 1) if n**length >= objects)
        raise ValueError(
            f"got {objects} objects; needs at most {letters**length}, the words of {length} digits "
            f"of {letters} letters: take {least_length(objects, letters)} digits"
            + (f", or {enough} letters" if enough <= MOST_LETTERS else "")
        )


def _written(
    numbers: Int64[np.ndarray, " n"], letters: int, length: int
) -> UInt8[np.ndarray, "n length"]:
    """Numbers below letters ** length, in digits; the first one counts most."""
    return np.stack(np.unravel_index(numbers, (letters,) * length), axis=1).astype(np.uint8)


def _largest_distance(objects: int, letters: int, length: int) -> int:
    """What no code exceeds: Singleton's bound."""
    return length + 1 - least_length(objects, letters)


def _lexicode(
    words: UInt8[np.ndarray, "words length"], letters: int, distance: int, objects: int
) -> UInt8[np.ndarray, "objects length"] | None:
    """The first words, in order, that are so far from one another; None if they are too few."""
    powers = letters ** np.arange(words.shape[1])[::-1]
    near = words[np.count_nonzero(words, axis=1) < distance].astype(np.int64)
    free, chosen, place = np.ones(len(words), bool), [], 0
    while len(chosen) < objects:
        place += int(free[place:].argmax())
        if not free[place]:
            return None
        chosen.append(place)
        # To add digits, modulo letters, moves a word as far as they are from nothing.
        free[(words[place] + near) % letters @ powers] = False
    return words[chosen]
