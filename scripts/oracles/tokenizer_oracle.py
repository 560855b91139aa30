"""Hugging Face's tokenizers library as an oracle for src/text.

    tokenizer_oracle.py train SETTINGS      lines of JSON strings in, a tokenizer.json out
    tokenizer_oracle.py encode FILE         lines of JSON strings in, [ids, decoded] a line out
    tokenizer_oracle.py fixtures FOLDER     writes what tests/text compares with
    tokenizer_oracle.py forms FOLDER        of it, forms.json: forms made of those fixtures

SETTINGS is JSON: {"kind": "bpe" | "wordpiece", "vocabSize": 8000, "minFrequency": 2,
"addPrefixSpace": true, "normalizers": ["NFC", "Lowercase"]}; the last three are for "bpe".
The library's WordPiece and Unigram trainers give another vocabulary on every run; BPE does not.
Needs `pip install tokenizers` (recorded with 0.23.3).
"""

import json
import sys
from pathlib import Path
from random import Random

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

SPECIAL_TOKENS = ["<pad>", "<s>", "</s>"]
BERT_SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

# Lines that trip tokenizers up.
HOSTILE_LINES = [
    "",
    " ",
    "   ",
    "\t",
    "\u00a0\u2003\u3000",
    " leading",
    "trailing ",
    "  two  spaces   and    more     ",
    "tab\tand\u00a0no-break\u2009thin\u200bzero-width\ufeffmark\u0085next\u2028line",
    "line\nbreaks\r\nof\rall\n\nkinds\n",
    "null\x00bell\x07escape\x1b[31m delete\x7f",
    "\ufeffbyte order mark first",
    "replacement \ufffd and private \ue000 and noncharacter \uffff",
    "I'm you're he's we've they'll I'd can't DON'T 'tis l'été o'clock '' '''",
    "1 12 123 1234567890 3.14 1,000.50 ½ ² Ⅷ ٣٤٥ 一二三",
    "!?.,;:…—–-_()[]{}<>«»“”‘’\"'`~@#$%^&*+=|\\/",
    "été ÉTÉ e\u0301te\u0301 n\u0303 a\u0308\u0323 Å A\u030a ﬁ ① Å",
    "combining \u0301 alone, z\u0351\u036b\u0343a\u0328lgo\u0322",
    "Straße STRASSE İstanbul ıspanak ΟΔΟΣ ΣΑΣ ὈΔΥΣΣΕΎΣ ΑΣ.",
    "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "日本語のテキストと中文文本，以及한국어 텍스트。",
    "\u4e00\U00020000\U0002a6d6 rare han",
    "ไทยไม่มีเว้นวรรค हिन्दी में लिखा العربية من اليمين עברית",
    "emoji 😀😃 👍🏽 👨‍👩‍👧‍👦 🇫🇷 ❤️ #️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 𝄞 𐍈",
    "</s>",
    "a</s>b <s> <pad><pad> < / s > <S> </S>",
    "one <sep> two<sep>three <SEP>",
    "[CLS] text [SEP] [MASK] [cls] [UNK]",
    "a" * 1000,
    "ab" * 500 + " " + "cba" * 300,
    "supercalifragilisticexpialidocious" * 8,
    "é" * 300 + "😀" * 100,
    " " * 300 + "x" + " " * 300,
    ".,!" * 200,
    "0123456789" * 60,
    "The quick brown fox can't jump over 12 lazy dogs.",
    "the QUICK Brown fOX",
    "https://example.org/a?b=c&d=%20#e user@example.org C:\\dir\\file.txt",
    "name[The Vaults], eatType[pub], priceRange[more than £30], near[Café Adriatic]",
]


def train(lines, settings):
    """A tokenizer of the form that the settings name, trained on lines."""
    if settings["kind"] == "wordpiece":
        return train_wordpiece(lines, settings["vocabSize"])
    prefix_space = settings.get("addPrefixSpace", True)
    steps = [getattr(normalizers, name)() for name in settings.get("normalizers", [])]
    tokenizer = Tokenizer(models.BPE())
    if steps:
        tokenizer.normalizer = steps[0] if len(steps) == 1 else normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    if prefix_space:
        tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(
        vocab_size=settings["vocabSize"],
        min_frequency=settings.get("minFrequency", 2),
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>",
        pair="$A </s> $B:1 </s>:1",
        special_tokens=[("</s>", SPECIAL_TOKENS.index("</s>"))],
    )
    return tokenizer


def train_wordpiece(lines, vocab_size):
    """A tokenizer of the form of bert-base-uncased."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, special_tokens=BERT_SPECIAL_TOKENS, show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def train_unigram(lines, vocab_size):
    """A tokenizer of the form that T5 and XLM-R have."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size,
        special_tokens=[*SPECIAL_TOKENS, "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return tokenizer


def encode(tokenizer, text):
    """Ids without framing tokens, and the text they decode to."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return ids, tokenizer.decode(ids)


def write_fixtures(folder):
    """Trains small tokenizers on corpus.txt and records what they make of the hostile lines."""
    corpus = (folder / "corpus.txt").read_text(encoding="utf-8").splitlines()
    plain = {"kind": "bpe", "vocabSize": 420, "addPrefixSpace": False}
    tokenizers = {
        "bpe": train(corpus, {"kind": "bpe", "vocabSize": 500}),
        "bpe_plain": train(corpus, plain),
        "bpe_normalized": train(corpus, {**plain, "normalizers": ["NFC", "Lowercase"]}),
        "wordpiece": train_wordpiece(corpus, 400),
        "unigram": train_unigram(corpus, 300),
    }
    # An added token that text may hold and that is no special token.
    tokenizers["bpe_plain"].add_tokens([AddedToken("<sep>", normalized=False)])
    for name, tokenizer in tokenizers.items():
        (folder / f"{name}.json").write_text(tokenizer.to_str() + "\n", encoding="utf-8")
        lines = HOSTILE_LINES + corpus[:5]
        cases = [[line, *encode(tokenizer, line)] for line in lines]
        text = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        (folder / f"{name}_cases.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")


BYTE_DECODER = {
    "type": "Sequence",
    "decoders": [
        {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ],
}


def forms(folder):
    """Tokenizers that differ in their model or in where they part a text, by name."""
    unigram = json.loads((folder / "unigram.json").read_text(encoding="utf-8"))
    wordpiece = json.loads((folder / "wordpiece.json").read_text(encoding="utf-8"))
    vocab = unigram["model"]["vocab"]
    in_bytes = [[f"<0x{byte:02X}>", -20.0] for byte in range(256)]

    def unigram_with(pieces, pre_tokenizer=unigram["pre_tokenizer"], fallback=True):
        model = {"type": "Unigram", "unk_id": 3, "vocab": pieces, "byte_fallback": fallback}
        other = {"model": model, "pre_tokenizer": pre_tokenizer}
        return {**unigram, **other, **({"decoder": BYTE_DECODER} if fallback else {})}

    yield "unigram in bytes", unigram_with(vocab + in_bytes)
    yield "unigram lacking a byte", unigram_with(vocab + in_bytes[:0xE6] + in_bytes[0xE7:])
    yield "unigram of words", unigram_with(vocab, {"type": "Whitespace"}, fallback=False)
    across = [["r\u2581", -1.0], ["e\u2581t", -1.0]]
    whole = {**unigram["pre_tokenizer"], "split": False}
    yield "unigram across words", unigram_with(vocab + across, whole, fallback=False)
    yield "unigram of split words", unigram_with(vocab + across, fallback=False)

    corpus = (folder / "corpus.txt").read_text(encoding="utf-8")
    words = pre_tokenizers.Whitespace().pre_tokenize_str(corpus)
    known = ["<pad>", "</s>", "<unk>"] + sorted({word for word, _ in words})[:300]
    splits = [
        pre_tokenizers.Whitespace(),
        pre_tokenizers.WhitespaceSplit(),
        pre_tokenizers.BertPreTokenizer(),
        pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)]),
        pre_tokenizers.Digits(False),
        *[
            pre_tokenizers.Punctuation(behavior)
            for behavior in
            ["isolated", "removed", "contiguous", "merged_with_previous", "merged_with_next"]
        ],
    ]
    for split in splits:
        model = models.WordLevel({word: i for i, word in enumerate(known)}, unk_token="<unk>")
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = split
        tokenizer.add_special_tokens(known[:3])
        yield f"word level, {split}", json.loads(tokenizer.to_str())
    # All of bert-base-uncased's, for Han outside the basic plane.
    yield "wordpiece", wordpiece


def write_forms(folder):
    """Records what forms make of short hostile lines, and the text of ids in any order."""
    lines = [line for line in HOSTILE_LINES if len(line) < 150]
    lines += ["a\U0002b820b \U0002b91fc \U0002b920d \U0002f800e \U0002a6e0f", "\ufeff\u2581x\u2581\u2581y"]
    random = Random(1)
    recorded = {}
    for name, content in forms(folder):
        tokenizer = Tokenizer.from_str(json.dumps(content))
        size = tokenizer.get_vocab_size()
        drawn = [[random.randrange(3, size) for _ in range(random.randrange(1, 7))] for _ in range(60)]
        recorded[name] = {
            "tokenizer": content,
            "encoded": [[line, encode(tokenizer, line)[0]] for line in lines],
            "decoded": [[ids, tokenizer.decode(ids)] for ids in drawn],
        }
    text = json.dumps(recorded, separators=(",", ":"))
    (folder / "forms.json").write_text(text + "\n", encoding="utf-8")


def main():
    command, argument = sys.argv[1:]
    if command == "fixtures":
        write_fixtures(Path(argument))
    elif command == "forms":
        write_forms(Path(argument))
    elif command == "train":
        lines = (json.loads(line) for line in sys.stdin)
        print(train(lines, json.loads(argument)).to_str())
    elif command == "encode":
        tokenizer = Tokenizer.from_file(argument)
        for line in sys.stdin:
            print(json.dumps(encode(tokenizer, json.loads(line)), separators=(",", ":")))
    else:
        sys.exit(f'Cannot run "{command}": expected train, encode, fixtures or forms')


if __name__ == "__main__":
    main()
