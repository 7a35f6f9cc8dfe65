package io.lanewise.tokenizer;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.List;

/**
 * WordPiece ({@code bert}), with vocabularies as GGUF files hold them: a token that begins a word begins with ▁, and one
 * that goes on has no prefix. A text is cut at white space, around punctuation and around Chinese characters; control
 * characters go; lower case and without accents if the vocabulary is so. A word is spelt by the longest token that fits,
 * from left to right; one that cannot be spelt whole is the unknown token.
 */
final class WordPieceTokenizer extends VocabularyTokenizer {
    private static final char WORD_START = '\u2581';
    private static final int DROP = 0;
    private static final int SPACE = 1;
    private static final int ALONE = 2;
    private static final int PART = 3;

    private final TokenTable table;
    private final boolean lowercase;
    private final boolean stripAccents;

    WordPieceTokenizer(Vocabulary vocabulary) {
        super(vocabulary, Vocabularies.orElse(vocabulary.addBos(), true) ? beginning(vocabulary) : NONE,
                Vocabularies.orElse(vocabulary.addSep(), true) ? vocabulary.ids().sep() : NONE,
                Vocabularies.orElse(vocabulary.addEos(), false) ? vocabulary.ids().eos() : NONE);
        lowercase = Vocabularies.orElse(vocabulary.lowercase(), true);
        stripAccents = Vocabularies.orElse(vocabulary.stripAccents(), lowercase);
        if (vocabulary.ids().unk() < 0) {
            throw new IllegalArgumentException("unknown_token_id: missing, and a vocabulary of the kind 'bert' needs it "
                    + "for words that it cannot spell");
        }
        table = new TokenTable(types.length, 8 * types.length);
        addTokens(vocabulary.tokens());
        markKnownEnds();
    }

    private static int beginning(Vocabulary vocabulary) {
        return vocabulary.ids().cls() >= 0 ? vocabulary.ids().cls() : vocabulary.ids().bos();
    }

    private void addTokens(List<String> tokens) {
        byte[] bytes = new byte[256];
        for (int id = 0; id < types.length; id++) {
            char[] chars = tokens.get(id).toCharArray();
            if (chars.length * Utf8.MAX_PER_CHAR > bytes.length) {
                bytes = new byte[chars.length * Utf8.MAX_PER_CHAR];
            }
            int length = Utf8.encode(chars, 0, chars.length, bytes, 0);
            boolean spells = types[id] != CONTROL && types[id] != UNKNOWN;
            Vocabularies.refuseDuplicate(vocabulary, id, table.add(bytes, length, spells));
        }
    }

    @Override
    protected boolean takesSpacePrefixOff() {
        return true;
    }

    @Override
    protected int textLength(int id) {
        return table.length(id);
    }

    @Override
    protected int textOf(int id, byte[] dst, int at) {
        int end = table.copy(id, dst, at);
        boolean startsWord = end - at >= 3 && dst[at] == (byte) 0xE2 && dst[at + 1] == (byte) 0x96
                && dst[at + 2] == (byte) 0x81;
        if (!startsWord) {
            return end;
        }
        dst[at] = ' ';
        System.arraycopy(dst, at + 3, dst, at + 1, end - at - 3);
        return end - 2;
    }

    @Override
    protected int plainId(String spelling) {
        byte[] bytes = spelling.getBytes(StandardCharsets.UTF_8);
        return table.find(bytes, 0, bytes.length, TokenTable.hash(bytes, 0, bytes.length));
    }

    @Override
    protected Encoder newEncoder(Ids out, int chars) {
        return new WordEncoder(out);
    }

    private static boolean isChinese(int cp) {
        return cp >= 0x4E00 && cp <= 0x9FFF || cp >= 0x3400 && cp <= 0x4DBF || cp >= 0x20000 && cp <= 0x2A6DF
                || cp >= 0x2A700 && cp <= 0x2B73F || cp >= 0x2B740 && cp <= 0x2B81F || cp >= 0x2B920 && cp <= 0x2CEAF
                || cp >= 0xF900 && cp <= 0xFAFF || cp >= 0x2F800 && cp <= 0x2FA1F;
    }

    /** What becomes of a character. */
    private int duty(int cp) {
        int bits = CharClass.of(cp);
        if ((bits & CharClass.SPACE) != 0) {
            return SPACE;
        }
        if (cp == 0xFFFD || isControl(cp) || stripAccents && Character.getType(cp) == Character.NON_SPACING_MARK) {
            return DROP;
        }
        boolean alone = (bits & CharClass.PUNCTUATION) != 0 || cp < 0x7F && (bits & CharClass.SYMBOL) != 0
                || isChinese(cp);
        return alone ? ALONE : PART;
    }

    /** {@code \p{C}}. */
    private static boolean isControl(int cp) {
        return switch (Character.getType(cp)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE,
                    Character.UNASSIGNED -> true;
            default -> false;
        };
    }

    private final class WordEncoder extends Encoder {
        private char[] word = new char[256];
        private int length = 1;
        private byte[] bytes = new byte[word.length * Utf8.MAX_PER_CHAR];
        private long[] hash = new long[bytes.length + 1];

        WordEncoder(Ids out) {
            super(out);
            word[0] = WORD_START;
        }

        @Override
        protected void plain(char[] text, int from, int to, boolean atStart) {
            char[] chars = text;
            int end = to;
            int at = from;
            if (stripAccents && mayDecompose(text, from, to)) {
                chars = Normalizer.normalize(new String(text, from, to - from), Normalizer.Form.NFD).toCharArray();
                end = chars.length;
                at = 0;
            }
            while (at < end) {
                int cp = Character.codePointAt(chars, at, end);
                at += Character.charCount(cp);
                take(cp);
            }
            endWord();
        }

        /** No character below À has a decomposition. */
        private static boolean mayDecompose(char[] text, int from, int to) {
            for (int i = from; i < to; i++) {
                if (text[i] >= 0xC0) {
                    return true;
                }
            }
            return false;
        }

        private void take(int cp) {
            switch (duty(cp)) {
                case SPACE -> endWord();
                case ALONE -> {
                    endWord();
                    append(cp);
                    endWord();
                }
                case PART -> append(cp);
                default -> {
                }
            }
        }

        private void append(int cp) {
            if (length + 2 > word.length) {
                word = Arrays.copyOf(word, 2 * word.length);
            }
            length += Character.toChars(lowercase ? Character.toLowerCase(cp) : cp, word, length);
        }

        private void endWord() {
            if (length > 1) {
                spell();
                length = 1;
            }
        }

        private void spell() {
            if (length * Utf8.MAX_PER_CHAR > bytes.length) {
                bytes = new byte[length * Utf8.MAX_PER_CHAR];
                hash = new long[bytes.length + 1];
            }
            int n = Utf8.encode(word, 0, length, bytes, 0);
            for (int i = 0; i < n; i++) {
                hash[i + 1] = TokenTable.extend(hash[i], bytes[i]);
            }
            int before = out.size();
            for (int at = 0; at < n;) {
                int end = longestToken(at, n);
                if (end < 0) {
                    out.truncate(before);
                    out.add(vocabulary.ids().unk());
                    return;
                }
                at = end;
            }
        }

        /** Adds the longest token that begins at {@code at} and returns its end, or -1 where none does. */
        private int longestToken(int at, int n) {
            for (int end = Math.min(n, at + table.maxLength()); end > at; end--) {
                int id = table.find(bytes, at, end, TokenTable.hashOfRest(hash[end], hash[at], end - at));
                if (id >= 0) {
                    out.add(id);
                    return end;
                }
            }
            return -1;
        }
    }
}
