package io.lanewise.tokenizer;

import java.nio.charset.StandardCharsets;

/** UTF-8 in byte arrays: what {@link String} cannot do in place. */
final class Utf8 {
    /** The most bytes one {@code char} of a string can need. */
    static final int MAX_PER_CHAR = 3;

    private Utf8() {
    }

    /**
     * Writes chars [from, to) as UTF-8 from {@code dst[at]} on and returns the end. A lone surrogate becomes U+FFFD, so
     * that what is written is always well formed.
     */
    static int encode(char[] text, int from, int to, byte[] dst, int at) {
        for (int i = from; i < to; i++) {
            char c = text[i];
            if (c < 0x80) {
                dst[at++] = (byte) c;
            } else if (c < 0x800) {
                dst[at++] = (byte) (0xC0 | c >> 6);
                dst[at++] = (byte) (0x80 | c & 0x3F);
            } else if (Character.isHighSurrogate(c) && i + 1 < to && Character.isLowSurrogate(text[i + 1])) {
                int cp = Character.toCodePoint(c, text[++i]);
                dst[at++] = (byte) (0xF0 | cp >> 18);
                dst[at++] = (byte) (0x80 | cp >> 12 & 0x3F);
                dst[at++] = (byte) (0x80 | cp >> 6 & 0x3F);
                dst[at++] = (byte) (0x80 | cp & 0x3F);
            } else {
                at = threeBytes(Character.isSurrogate(c) ? '\uFFFD' : c, dst, at);
            }
        }
        return at;
    }

    /** Puts U+FFFD in place of every lone surrogate. */
    static void repair(char[] text) {
        for (int i = 0; i < text.length; i++) {
            if (Character.isSurrogate(text[i])) {
                if (i + 1 < text.length && Character.isSurrogatePair(text[i], text[i + 1])) {
                    i++;
                } else {
                    text[i] = '\uFFFD';
                }
            }
        }
    }

    private static int threeBytes(char c, byte[] dst, int at) {
        dst[at] = (byte) (0xE0 | c >> 12);
        dst[at + 1] = (byte) (0x80 | c >> 6 & 0x3F);
        dst[at + 2] = (byte) (0x80 | c & 0x3F);
        return at + 3;
    }

    /** The length of the character that a lead byte begins; 1 for a byte that begins none. */
    static int length(byte lead) {
        int b = lead & 0xFF;
        return b < 0xC2 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : b < 0xF5 ? 4 : 1;
    }

    /**
     * How many bytes at the end of [0, end) are the beginning of a character that further bytes may complete: 0 to 3.
     * Agrees with the decoder of {@link String} on what is hopeless (surrogates, overlong forms, beyond U+10FFFF).
     */
    static int incompleteTail(byte[] bytes, int end) {
        for (int back = 1; back <= 3 && back <= end; back++) {
            int b = bytes[end - back] & 0xFF;
            if ((b & 0xC0) == 0x80) {
                continue;
            }
            boolean open = length((byte) b) > back && (back == 1 || secondFits(b, bytes[end - back + 1] & 0xFF));
            return open ? back : 0;
        }
        return 0;
    }

    private static boolean secondFits(int lead, int second) {
        return switch (lead) {
            case 0xE0 -> second >= 0xA0;
            case 0xED -> second < 0xA0;
            case 0xF0 -> second >= 0x90;
            case 0xF4 -> second < 0x90;
            default -> true;
        };
    }

    static String decode(byte[] bytes, int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.UTF_8);
    }
}
