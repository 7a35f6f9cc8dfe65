package io.lanewise.tokenizer;

import java.util.Random;

/** Texts as nobody writes them. */
final class RandomTexts {
    private static final String[] ATOMS = {" ", "   ", "\n", "\r\n", "\t", "\u0000", "\uFFFD", "\uFEFF", "\u2581", "Ġ", "a",
        "the", "The ", "'s", "<s>", "</s>", "<|endoftext|>", "<0x41>", "[CLS]", "1234", "é", "e\u0301", "中文", "한국어",
        "🦙", "👩‍👩‍👧", "\u202E", "\u0007", "\u00AD", "õ", "...", "==", "\ud835\udc00"};

    private RandomTexts() {
    }

    /** Well-formed text of up to about {@code atoms} words and signs. */
    static String wellFormed(Random random, int atoms) {
        StringBuilder text = new StringBuilder();
        for (int n = random.nextInt(atoms + 1); n > 0; n--) {
            if (random.nextInt(4) == 0) {
                int codePoint = random.nextInt(random.nextBoolean() ? 0x800 : 0x110000);
                text.appendCodePoint(codePoint >= 0xD800 && codePoint < 0xE000 ? ' ' : codePoint);
            } else {
                text.append(ATOMS[random.nextInt(ATOMS.length)]);
            }
        }
        return text.toString();
    }

    /** Any chars at all, lone surrogates among them. */
    static String anyChars(Random random, int length) {
        char[] chars = new char[random.nextInt(length + 1)];
        for (int i = 0; i < chars.length; i++) {
            chars[i] = (char) (random.nextInt(3) == 0 ? 0xD800 + random.nextInt(0x800) : random.nextInt(0x10000));
        }
        return new String(chars);
    }

    /** A text with U+FFFD for each lone surrogate. */
    static String repaired(String text) {
        StringBuilder repaired = new StringBuilder();
        text.codePoints().forEach(cp -> repaired.appendCodePoint(cp >= 0xD800 && cp < 0xE000 ? 0xFFFD : cp));
        return repaired.toString();
    }
}
