#!/usr/bin/env python3
"""Makes words.tsv for tagger.ebm from the dictionary of Debian's package dict-gcide (Webster's of 1913 and WordNet, GNU edition).

The dictionary respells a headword with its syllables: Abacus \\Ab"a*cus\\, where * ends a syllable and " and ` end a stressed one.
Each letter gets a label by its part in its syllable:
    O  onset: a consonant before the vowel
    N  nucleus: the vowel or vowels
    V  a nucleus whose syllable begins with it, right after another vowel: the first i of tu-i-tion
    C  coda: what follows the vowel
So a syllable begins at V, at the first O of a row, and at an N behind a C: the labels tell all syllables.  Words of 3 to 16 letters and at least two
syllables are kept, each syllable with a vowel.

The words come in the order of the SHA-256 of their first four letters: the last fifth, the test set, has only beginnings that the rest has not.
"""
import gzip
import hashlib
import re
import sys

VOWELS = "aeiouy"


def labels(syllable):
    """Labels of a syllable's letters; None if it has no vowel."""
    start = 0
    if len(syllable) > 1 and syllable[0] == "y" and syllable[1] in VOWELS:
        start = 1                                   # y before a vowel is a consonant: yon
    while start < len(syllable) and syllable[start] not in VOWELS:
        start += 1
    if syllable[:start].endswith("q") and syllable[start:start + 1] == "u" and syllable[start + 1:start + 2] in tuple(VOWELS):
        start += 1                                  # qu is one consonant: quest
    if start == len(syllable):
        return None
    end = start
    while end < len(syllable) and syllable[end] in VOWELS:
        end += 1
    return "O" * start + "N" * (end - start) + "C" * (len(syllable) - end)


def join(parts):
    """The labels of a word from those of its syllables."""
    whole = parts[0]
    for before, part in zip(parts, parts[1:]):
        whole += "V" + part[1:] if before[-1] == "N" and part[0] == "N" else part
    return whole


def words(text):
    """Pairs of word and labels; of several respellings the first."""
    found = {}
    for word, spelt in re.findall(r"^([A-Z][a-z]+) \\([A-Z][^\\\n ]*)\\", text, re.M):
        word = word.lower()
        syllables = [part for part in re.split(r"[*\"`-]+", spelt.rstrip(",").lower()) if part]
        if "".join(syllables) != word or not 3 <= len(word) <= 16 or len(syllables) < 2 or word in found:
            continue
        parts = [labels(part) for part in syllables]
        if None not in parts:
            found[word] = join(parts)
    return found


source, target = sys.argv[1:]
with gzip.open(source) as file:
    found = words(file.read().decode("utf-8", "replace"))
order = sorted(found, key=lambda word: (hashlib.sha256(word[:4].encode()).digest(), word))
with open(target, "w", encoding="utf-8") as file:
    file.writelines(f"{word}\t{found[word]}\n" for word in order)
print(f"{target}: {len(order)} words")
