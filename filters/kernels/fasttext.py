"""fastText prediction over UTF-8 bytes: n-gram hashes, sums of rows, a Huffman tree or a layer of scores.

Written after what the C++ library does, to the order of its float32 additions, so that labels and scores are equal to
its own (tests hold them to it bit by bit). No Python strings are made. Faster by more than the missing calls: n-grams
are hashed as they grow instead of one by one, quantised rows are unpacked once, output scores are added up dimension by
dimension, so that labels, not additions of one sum, go through the processor's vectors.
"""

from __future__ import annotations

import numpy as np

from filters.kernels.compiled import helper, kernel

_FNV_OFFSET, _FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
_LABEL = np.frombuffer(b"__label__", np.uint8)
_WORD_N_GRAM = np.uint64(116049371)
_EOS = np.frombuffer(b"</s>", np.uint8)
_THREE, _SEVEN = np.uint64(3), np.uint64(7)
_ROOM = 2048
"""Features that are collected before their rows are added: 8 KB, small beside a first-level cache."""

BYTE_KINDS = np.zeros(256, np.uint8)
"""1: the byte is white space; 2: white space may begin here; 0: neither. 15 ns a byte became 3 with this table."""
BYTE_KINDS[[0, 9, 10, 11, 12, 13, 28, 29, 30, 31, 32]] = 1
BYTE_KINDS[[0x3C, 0xC2, 0xE1, 0xE2, 0xE3]] = 2

_LOG_ZERO = np.float32(np.log(1e-5))
"""fastText's logarithm of a probability of 0: it adds 1e-5 to everything."""


@helper(error_model="numpy")
def separator_length(data, i, stop):
    """Bytes of the white space at `i` (what `str.split` splits at, and NUL), 0 if there is none.

    The end-of-sentence mark `</s>` counts too: fastText stops reading at it, and a web page may well contain it.
    """
    b = data[i]
    if b > 0x3C and b < 0xC2:
        return 0
    if b <= 0x20:
        return 1 if b == 0x20 or b == 0 or 9 <= b <= 13 or 28 <= b <= 31 else 0
    if b == 0x3C:
        return 4 if i + 4 <= stop and data[i + 1] == 0x2F and data[i + 2] == 0x73 and data[i + 3] == 0x3E else 0
    if b == 0xC2:
        return 2 if i + 2 <= stop and (data[i + 1] == 0x85 or data[i + 1] == 0xA0) else 0
    if i + 3 > stop:
        return 0
    c, d = data[i + 1], data[i + 2]
    if b == 0xE1:
        return 3 if c == 0x9A and d == 0x80 else 0
    if b == 0xE2:
        if c == 0x80:
            return 3 if d <= 0x8A or d == 0xA8 or d == 0xA9 or d == 0xAF else 0
        return 3 if c == 0x81 and d == 0x9F else 0
    return 3 if b == 0xE3 and c == 0x80 and d == 0x80 else 0


@helper(error_model="numpy")
def _add_byte(h, byte):
    """FNV-1a with the sign of the byte extended, as every published model was trained."""
    return np.uint32((h ^ np.uint32(np.int32(np.int8(byte)))) * _FNV_PRIME)


@helper(error_model="numpy")
def _find_word(word, size, h, slots, words, ends):
    """Index of `word[1:size + 1]` in the vocabulary, -1 if it is not there."""
    at = np.int64(h) & (slots.shape[0] - 1)
    while True:
        index = slots[at]
        if index < 0:
            return -1
        first = ends[index]
        if ends[index + 1] - first == size:
            k = 0
            while k < size and words[first + k] == word[1 + k]:
                k += 1
            if k == size:
                return np.int64(index)
        at = (at + 1) & (slots.shape[0] - 1)


@helper(error_model="numpy")
def _n_grams(word, begin, end, min_n, max_n, divisor, magic, shift, n_words, bucket_bits, features, n):
    """Write the n-grams of `word[:end]`, which has its brackets, behind the `n` features, until they are many.

    Returns how many there are now, and where to go on. Hashes grow with the n-gram; the byte behind the word, which
    continues no character, ends the last one.
    """
    while begin < end and n < _ROOM:
        h = _FNV_OFFSET
        at = begin
        for length in range(1, max_n + 1):
            h = _add_byte(h, word[at])
            at += 1
            while word[at] & 0xC0 == 0x80:
                h = _add_byte(h, word[at])
                at += 1
            if length == 1:
                after = at
            if length >= min_n and not (length == 1 and (begin == 0 or at == end)):
                bucket = np.uint64(h) - ((np.uint64(h) * magic) >> shift) * divisor
                if bucket >= divisor:
                    bucket -= divisor
                # Written in any case and counted if it has a row: nobody could foresee a branch here.
                features[n] = n_words + np.int64(bucket)
                n += np.int64((bucket_bits[bucket >> _THREE] >> (bucket & _SEVEN)) & 1)
            if at == end:
                break
        begin = after
    return n, begin


@helper(error_model="numpy")
def _add_rows(features, n, n_words, rows, bucket_rows, total):
    """Add up the rows `features[:n]` in their order; an n-gram is `n_words + bucket`, what is less is a word."""
    for k in range(n):
        row = features[k]
        if row >= n_words and bucket_rows.shape[0]:
            row = bucket_rows[row - n_words]
        for j in range(total.shape[0]):
            total[j] += rows[row, j]


@kernel(error_model="numpy")
def sum_rows(
    data, first, starts, stops, slots, words, ends, is_label, rows, bucket_rows, bucket_bits, n_words, buckets, min_n,
    max_n, hidden, counts, hash_ends, hashes,
):  # fmt: skip
    """Sum of the rows of every text's words and their n-grams.

    Text i is the byte ranges [starts[k], stops[k]) of `data` for k in [first[i], first[i + 1]), read as lines of one
    text; int64. slots, words, ends, is_label: a Vocabulary. rows, bucket_rows, n_words, buckets, min_n, max_n: as in
    FastTextModel. bucket_bits: uint8, bit b says whether bucket b has a row. Written: hidden, float32 (texts, dim);
    counts, int64 (texts,), how many rows were added, -1 for a text of white space; hashes, int32, those of all words
    that were read, and hash_ends, int64 (texts + 1,), where each text's end; nothing if `hashes` has no room.
    """
    longest = np.int64(4)
    for k in range(starts.shape[0]):
        longest = max(longest, stops[k] - starts[k])
    word = np.empty(longest + 3, np.uint8)
    features = np.empty(_ROOM + max_n + 2, np.int32)
    total = np.empty(rows.shape[1], np.float32)
    # Division by what is not known before is slow: multiply, shift, and correct by one. 2**shift / buckets < 2**32.
    divisor = np.uint64(buckets)
    shift = np.uint64(31)
    while (divisor >> (shift - np.uint64(31))) != 0:
        shift += np.uint64(1)
    magic = (np.uint64(1) << shift) // divisor
    n_hashes = np.int64(0)
    for text in range(counts.shape[0]):
        for j in range(total.shape[0]):
            total[j] = 0
        n = np.int64(0)
        added = np.int64(0)
        blank = True
        k = first[text]
        i = starts[k] if k < first[text + 1] else np.int64(0)
        while True:
            # The next word, copied between brackets; behind the last one, the end of the line.
            while k < first[text + 1] and i == stops[k]:
                k += 1
                i = starts[k] if k < first[text + 1] else np.int64(0)
            if k < first[text + 1]:
                kind = BYTE_KINDS[data[i]]
                skip = 1 if kind == 1 else separator_length(data, i, stops[k]) if kind else 0
                if skip:
                    i += skip
                    continue
                size = np.int64(0)
                while i < stops[k]:
                    kind = BYTE_KINDS[data[i]]
                    if kind and (kind == 1 or separator_length(data, i, stops[k])):
                        break
                    word[1 + size] = data[i]
                    size += 1
                    i += 1
            else:
                size = np.int64(4)
                for b in range(4):
                    word[1 + b] = _EOS[b]
            h = _FNV_OFFSET
            like_label = 0
            for b in range(1, size + 1):
                h = _add_byte(h, word[b])
                if like_label == b - 1 and b <= _LABEL.shape[0]:
                    like_label += word[b] == _LABEL[b - 1]
            known = _find_word(word, size, h, slots, words, ends)
            # fastText does not read words that begin as labels do, unless its vocabulary has them as words.
            if not (is_label[known] if known >= 0 else like_label == _LABEL.shape[0]):
                features[n] = known
                n += known >= 0
                if n_hashes < hashes.shape[0]:
                    hashes[n_hashes] = np.int32(h)
                    n_hashes += 1
                word[0] = 0x3C
                word[size + 1] = 0x3E
                word[size + 2] = 0
                begin = np.int64(0)
                end = size + 2 if max_n > 0 and k < first[text + 1] else np.int64(0)
                while begin < end or n >= _ROOM:
                    n, begin = _n_grams(
                        word, begin, end, min_n, max_n, divisor, magic, shift, n_words, bucket_bits, features, n
                    )
                    if n >= _ROOM:
                        _add_rows(features, n, n_words, rows, bucket_rows, total)
                        added += n
                        n = np.int64(0)
            if k == first[text + 1]:
                break
            blank = False
        _add_rows(features, n, n_words, rows, bucket_rows, total)
        for j in range(total.shape[0]):
            hidden[text, j] = total[j]
        counts[text] = -1 if blank else added + n
        hash_ends[text + 1] = n_hashes


@kernel(error_model="numpy")
def add_word_n_grams(hashes, hash_ends, word_n_grams, rows, bucket_rows, bucket_bits, n_words, buckets, hidden, counts):
    """Add the rows of runs of 2 to `word_n_grams` words to what `sum_rows` left; arrays as there."""
    total = np.empty(rows.shape[1], np.float32)
    features = np.empty(1, np.int32)
    one = np.int64(1)
    for text in range(counts.shape[0]):
        for j in range(total.shape[0]):
            total[j] = hidden[text, j]
        for i in range(hash_ends[text], hash_ends[text + 1]):
            mixed = np.uint64(np.int64(hashes[i]))
            for j in range(i + 1, min(hash_ends[text + 1], i + word_n_grams)):
                mixed = mixed * _WORD_N_GRAM + np.uint64(np.int64(hashes[j]))
                bucket = mixed % np.uint64(buckets)
                if (bucket_bits[bucket >> _THREE] >> (bucket & _SEVEN)) & 1:
                    features[0] = n_words + np.int64(bucket)
                    _add_rows(features, one, n_words, rows, bucket_rows, total)
                    counts[text] += counts[text] >= 0
        for j in range(total.shape[0]):
            hidden[text, j] = total[j]


@helper(error_model="numpy")
def _log(x):
    """fastText's logarithm: of float32, 1e-5 added, in float64, rounded to float32."""
    return np.float32(np.log(np.float64(x) + 1e-5))


@helper(error_model="numpy")
def _keep(labels, scores, text, held, label, score):
    """Put a label among a text's best so far, best first; of equals the later first. Returns how many are held."""
    k = labels.shape[1]
    if held == k and score < scores[text, k - 1]:
        return held
    at = min(held, k - 1)
    while at > 0 and score >= scores[text, at - 1]:
        scores[text, at] = scores[text, at - 1]
        labels[text, at] = labels[text, at - 1]
        at -= 1
    scores[text, at] = score
    labels[text, at] = label
    return min(held + 1, k)


@helper(error_model="numpy")
def _finish(labels, scores, text, held):
    """Logarithms become probabilities; places that nothing took become -1 and 0."""
    for k in range(labels.shape[1]):
        if k < held:
            scores[text, k] = np.exp(scores[text, k])
        else:
            labels[text, k] = -1
            scores[text, k] = 0


@helper(error_model="numpy")
def _dots(output, norms, hidden, counts, text, dots):
    """Products of all output rows with one text's mean; `output` is (dim, outputs): a sum adds up in order of j."""
    scale = np.float32(1.0 / counts[text])
    for o in range(norms.shape[0]):
        dots[o] = 0
    for j in range(output.shape[0]):
        x = hidden[text, j] * scale
        for o in range(norms.shape[0]):
            dots[o] += output[j, o] * x
    for o in range(norms.shape[0]):
        dots[o] *= norms[o]


@kernel(error_model="numpy")
def best_leaves(hidden, counts, output, norms, left, right, labels, scores):
    """The k best leaves of a Huffman tree, searched depth first in fastText's order, which prunes as it does.

    hidden: float32 (texts, dim), the sums of rows; counts: int64 (texts,), of how many, no answer below 1; output:
    float32 (dim, outputs), transposed; norms: float32 (outputs,); left, right: int32 (nodes,), -1 for a leaf; leaves
    come first. labels: int32 (texts, k), -1 for none; scores: float32 (texts, k), probabilities; both written.
    """
    n_leaves = (left.shape[0] + 1) // 2
    dots = np.empty(norms.shape[0], np.float32)
    nodes = np.empty(left.shape[0] + 1, np.int32)
    so_far = np.empty(left.shape[0] + 1, np.float32)
    for text in range(counts.shape[0]):
        held = np.int64(0)
        depth = 0
        if counts[text] > 0:
            _dots(output, norms, hidden, counts, text, dots)
            nodes[0] = left.shape[0] - 1
            so_far[0] = 0
            depth = 1
        while depth:
            depth -= 1
            node = nodes[depth]
            score = so_far[depth]
            if score < _LOG_ZERO or (held == labels.shape[1] and score < scores[text, held - 1]):
                continue
            if left[node] < 0:
                held = _keep(labels, scores, text, held, node, score)
                continue
            f = np.float32(1.0 / np.float64(np.float32(1) + np.exp(-dots[node - n_leaves])))
            # The left branch is looked at first, so it goes on top.
            nodes[depth] = right[node]
            so_far[depth] = score + _log(f)
            nodes[depth + 1] = left[node]
            so_far[depth + 1] = score + _log(np.float32(1.0 - np.float64(f)))
            depth += 2
        _finish(labels, scores, text, held)


@kernel(error_model="numpy")
def best_outputs(hidden, counts, output, norms, softmax, labels, scores):
    """The k best of a softmax, or of one logistic unit a label (`softmax` False); arrays as in `best_leaves`."""
    n_labels = norms.shape[0]
    dots = np.empty(n_labels, np.float32)
    for text in range(counts.shape[0]):
        held = np.int64(0)
        if counts[text] > 0:
            _dots(output, norms, hidden, counts, text, dots)
            largest = dots[0]
            for o in range(n_labels):
                largest = max(largest, dots[o])
            total = np.float32(0)
            for o in range(n_labels):
                dots[o] = np.float32(np.exp(np.float64(dots[o] - largest))) if softmax else _table_sigmoid(dots[o])
                total += dots[o]
            for o in range(n_labels):
                held = _keep(labels, scores, text, held, o, _log(dots[o] / total if softmax else dots[o]))
        _finish(labels, scores, text, held)


@helper(error_model="numpy")
def _table_sigmoid(x):
    """fastText looks its sigmoid up in 512 steps from -8 to 8."""
    if x < -8:
        return np.float32(0)
    if x > 8:
        return np.float32(1)
    step = np.int64((x + np.float32(8)) * np.float32(512) / np.float32(8) / np.float32(2))
    at = np.float32(step * 16) / np.float32(512) - np.float32(8)
    return np.float32(1.0 / (1.0 + np.float64(np.exp(-at))))
