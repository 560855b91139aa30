"""Random and hostile (hypothesis, references) pairs for comparing metrics, from a fixed seed.

A pair is what a user's files may hold at the worst: empty lines, emoji sequences, CJK without
spaces, combining marks, right-to-left text, every kind of whitespace, SGML escapes, numbers,
lines of 10,000 characters, and plain sentences with words moved about. Each has 1 to 4 references.
"""

import random
import sys
import unicodedata

WORDS = (
    "the a of to and in is was he she it they man woman dog cat house tree river running runs ran "
    "quickly happily relational conditional flies dies skies agreed plastered motoring happy sky "
    "1,000.5 3.14 U.S. don't it's can't well-known e-mail co-op (see [1] {x} \"quoted\" 'tis "
    "&amp; &lt;tag&gt; &quot; <skipped> A-1 2-3 -5 ... ?! ; : @user #tag $5 50% a/b x=y caf\u00e9 na\u00efve "
    "stra\u00dfe \u0130stanbul \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 \u041c\u043e\u0441\u043a\u0432\u0430 "
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u0661\u0662\u0663 \u4e94 \u2167 \u00bd"
).split()
EMOJI = [
    "\U0001f600", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1eb\U0001f1f7", "\u2764\ufe0f", "1\ufe0f\u20e3",
]
CJK = "\u6211\u4eec\u7684\u4e16\u754c\u3002\uff0c\u3042\u3044\u30a2\u30a4\u30fb\ud55c\uad6d\uc5b4\u3400\u2e80\u3300\uff01\uff08\uff09\U00020000"
SPACES = " \t\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\ufeff\u200b"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u2026\u2013\u2014\u00ab\u00bb\u201c\u201d\u2019\u00bf\u00a1\u20ac\u00a3\u221e\u00b1"
MARKS = "\u0301\u0308\u0327\u20dd\u0489\u0e31\u093f"


def assigned_characters():
    """Code points assigned in this Python's Unicode, surrogates and line feed left out."""
    return [
        chr(c)
        for c in range(sys.maxunicode + 1)
        if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co") and c not in (0x0A, 0x0D)
    ]


def sentence(rng, length):
    return " ".join(rng.choices(WORDS, k=length))


def edited(rng, text):
    """The text with words dropped, doubled, replaced, recased, and blocks of words moved."""
    words = text.split(" ")
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(words))
        kind = rng.randrange(6)
        if kind == 0 and len(words) > 1:
            del words[at]
        elif kind == 1:
            words.insert(at, words[at])
        elif kind == 2:
            words[at] = rng.choice(WORDS)
        elif kind == 3:
            words[at] = words[at].swapcase()
        else:
            block = words[at : at + rng.randrange(1, 6)]
            del words[at : at + len(block)]
            to = rng.randrange(len(words) + 1)
            words[to:to] = block
    return " ".join(words)


def mixture(rng, alphabet, length):
    return "".join(rng.choices(alphabet, k=length))


def short_pair(rng, characters):
    kind = rng.randrange(10)
    count = rng.choice([1, 1, 1, 2, 3, 4])
    if kind <= 2:
        base = sentence(rng, rng.randrange(1, 40))
    elif kind == 3:
        base = " ".join(rng.choices(["a", "b", "c", "d"], k=rng.randrange(1, 60)))
    elif kind == 4:
        base = mixture(rng, CJK, rng.randrange(1, 40))
    elif kind == 5:
        base = " ".join(rng.choices(EMOJI + WORDS[:5], k=rng.randrange(1, 15)))
    elif kind == 6:
        base = mixture(rng, PUNCTUATION + "ab1 2.", rng.randrange(1, 60))
    elif kind == 7:
        base = mixture(rng, "abcde" + SPACES, rng.randrange(1, 60))
    elif kind == 8:
        base = mixture(rng, "aeo n" + MARKS, rng.randrange(1, 40))
    else:
        base = mixture(rng, characters, rng.randrange(1, 40))
    references = [edited(rng, base) for _ in range(count)]
    hypothesis = edited(rng, base)
    fate = rng.randrange(40)
    if fate == 0:
        hypothesis = ""
    elif fate == 1:
        references[rng.randrange(count)] = ""
    elif fate == 2:
        hypothesis, references = "", [""]
    elif fate == 3:
        hypothesis = rng.choice(SPACES) * 3
    elif fate == 4:
        hypothesis = references[0]
    elif fate == 5:
        hypothesis = sentence(rng, rng.randrange(1, 80))
    elif fate == 6:
        hypothesis = "\n".join(sentence(rng, 4) for _ in range(4))
        references = ["\n".join([edited(rng, hypothesis), "", "x-\ny"]) for _ in range(count)]
    return hypothesis, references


def long_pairs(rng):
    """Lines of 10,000 characters."""
    text = sentence(rng, 3000)[:10_000]
    yield text, [edited(rng, text)]
    chunks = [sentence(rng, 3).replace(" ", "_") for _ in range(1200)]
    yield " ".join(rng.sample(chunks, 600))[:10_000], [" ".join(chunks[:600])[:10_000], "short"]
    yield "short one", [text]
    yield text, ["short one"]
    yield "a" * 10_000, ["a" * 9_000 + "b" * 1_000]
    yield "a " * 5_000, ["a " * 4_990]
    yield mixture(rng, CJK, 10_000), [mixture(rng, CJK, 10_000)]
    yield mixture(rng, PUNCTUATION, 10_000), [mixture(rng, PUNCTUATION, 10_000)]
    yield "." * 10_000, [". " * 5_000]
    yield "y" * 9_997 + "ing", ["y" * 9_998 + "ed"]
    yield " " * 10_000, ["\u3000" * 10_000]
    yield "e" + "\u0301" * 9_999, ["e" + "\u0301" * 9_998]
    yield "\U0001f600" * 5_000, ["\U0001f600" * 4_000 + "\U0001f601" * 1_000]


def limit_pairs(rng):
    """Sentences at the limits of TER's search: its beam, block size, distance and budget."""
    for _ in range(25):
        length = rng.randrange(25, 60)
        yield " ".join(rng.choices("abc", k=length)), [" ".join(rng.choices("abc", k=length))]
    for length in (60, 90, 120):
        yield " ".join(rng.choices("ab", k=length)), [" ".join(rng.choices("ab", k=length))]
        yield " ".join(rng.choices("abc", k=length)), [" ".join(rng.choices("abc", k=length + 30))]
    for size in (9, 10, 11, 12, 14):
        words = [f"w{k}" for k in range(60)]
        moved = words[size : size + 20] + words[:size] + words[size + 20 :]
        yield " ".join(moved), [" ".join(words)]
    for offset in (20, 23, 24, 25, 26, 27, 30, 49, 50, 51):
        words = [f"w{k}" for k in range(120)]
        yield " ".join(["x"] * offset + words[:-offset]), [" ".join(words)]
        yield " ".join(words[offset : offset + 2] + words), [" ".join(words)]


def slow_pairs(rng):
    """Lines of 10,000 characters that cost the Python implementation of TER minutes."""
    yield " ".join(rng.choices("ab", k=5_000)), [" ".join(rng.choices("ab", k=5_000))]
    yield sentence(rng, 3000)[:10_000], [sentence(rng, 3000)[:10_000]]


def pairs(count, seed, slow=False):
    """`count` short pairs and after them the long ones, as (hypothesis, [reference, ...])."""
    rng = random.Random(seed)
    characters = assigned_characters()
    short = [short_pair(rng, characters) for _ in range(count)]
    rest = list(long_pairs(rng)) + list(limit_pairs(rng))
    return short + rest + (list(slow_pairs(rng)) if slow else [])
