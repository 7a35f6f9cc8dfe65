package io.lanewise.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * SentencePiece-style BPE ({@code llama}): white space becomes ▁, neighbouring symbols that join to a token merge, the
 * highest score first; characters without a token fall back to their bytes {@code <0xXX>}, or to the unknown token.
 *
 * <p>Before merging, the text is cut wherever two neighbouring characters stand side by side in no token: no merge can
 * cross such a place, so the pieces merge to the same ids as the whole text would, and most of them are single words.
 */
final class SentencePieceTokenizer extends VocabularyTokenizer {
    /** ▁, U+2581, stands for a space in tokens. */
    private static final char SPACE = '\u2581';
    private static final int SPACE_BYTES = 3;

    private static final byte WHOLE = 1;
    private static final byte SPLIT = 2;

    private final TokenTable table;
    private final Neighbours neighbours = new Neighbours();
    /** Ranks whose order is that of the scores, highest first. */
    private final int[] rank;
    private final int[] byteToken = new int[256];
    private final boolean spacePrefix;
    /**
     * Whether merging the characters of a token gives that token back: 0 until
     * it is first needed, then {@link #WHOLE} or {@link #SPLIT}. A race finds the same.
     */
    private final byte[] wholeness;

    SentencePieceTokenizer(Vocabulary vocabulary) {
        super(vocabulary, Vocabularies.orElse(vocabulary.addBos(), true) ? vocabulary.ids().bos() : NONE,
                Vocabularies.orElse(vocabulary.addEos(), false) ? vocabulary.ids().eos() : NONE);
        if (vocabulary.scores() == null) {
            throw new IllegalArgumentException("scores: missing, and a vocabulary of the kind 'llama' merges by them");
        }
        spacePrefix = Vocabularies.orElse(vocabulary.addSpacePrefix(), true);
        rank = ranks(vocabulary.scores());
        wholeness = new byte[types.length];
        table = new TokenTable(types.length, 8 * types.length);
        Arrays.fill(byteToken, NONE);
        addTokens(vocabulary.tokens());
        markKnownEnds();
    }

    private void addTokens(List<String> tokens) {
        byte[] bytes = new byte[256];
        for (int id = 0; id < types.length; id++) {
            char[] chars = tokens.get(id).toCharArray();
            if (chars.length * Utf8.MAX_PER_CHAR > bytes.length) {
                bytes = new byte[chars.length * Utf8.MAX_PER_CHAR];
            }
            int length = Utf8.encode(chars, 0, chars.length, bytes, 0);
            // Control tokens never come out of plain text, even when its characters spell one.
            boolean mergeable = types[id] == NORMAL || types[id] == USER_DEFINED
                    || types[id] == UNUSED;
            Vocabularies.refuseDuplicate(vocabulary, id, table.add(bytes, length, mergeable));
            if (mergeable) {
                neighbours.add(chars);
            } else if (types[id] == BYTE) {
                byteToken[byteValue(id)] = id;
            }
        }
    }

    private int byteValue(int id) {
        String token = vocabulary.tokens().get(id);
        if (token.length() == 6 && token.startsWith("<0x") && token.charAt(5) == '>') {
            int high = Character.digit(token.charAt(3), 16);
            int low = Character.digit(token.charAt(4), 16);
            if (high >= 0 && low >= 0) {
                return high << 4 | low;
            }
        }
        throw new IllegalArgumentException("tokens[" + id + "] '" + token + "' is of type byte but not spelt <0xXX>");
    }

    /**
     * Maps each score to an int that sorts the other way round, so that the highest score has the lowest rank. A score of
     * minus infinity says that nothing merges to this token.
     */
    private static int[] ranks(float[] scores) {
        int[] rank = new int[scores.length];
        for (int id = 0; id < rank.length; id++) {
            if (Float.isNaN(scores[id])) {
                throw new IllegalArgumentException("scores[" + id + "]: is not a number");
            }
            // 0f - s turns both zeros into +0; flipping the other bits of a negative float makes its order an int's.
            int bits = Float.floatToIntBits(0f - scores[id]);
            rank[id] = scores[id] == Float.NEGATIVE_INFINITY ? Merger.NO_RANK : bits ^ bits >> 31 & Integer.MAX_VALUE;
        }
        return rank;
    }

    @Override
    protected boolean takesSpacePrefixOff() {
        return spacePrefix;
    }

    @Override
    protected int textLength(int id) {
        return table.length(id);
    }

    @Override
    protected int textOf(int id, byte[] dst, int at) {
        if (types[id] == BYTE) {
            dst[at] = (byte) byteValue(id);
            return at + 1;
        }
        int from = at;
        int end = table.copy(id, dst, at);
        for (int i = from; i < end; i++) {
            if (i + 2 < end && dst[i] == (byte) 0xE2 && dst[i + 1] == (byte) 0x96 && dst[i + 2] == (byte) 0x81) {
                dst[at++] = ' ';
                i += SPACE_BYTES - 1;
            } else {
                dst[at++] = dst[i];
            }
        }
        return at;
    }

    @Override
    protected int plainId(String spelling) {
        byte[] bytes = spelling.getBytes(StandardCharsets.UTF_8);
        return table.find(bytes, 0, bytes.length, TokenTable.hash(bytes, 0, bytes.length));
    }

    @Override
    protected Encoder newEncoder(Ids out, int chars) {
        return new PieceEncoder(out);
    }

    private final class PieceEncoder extends Encoder {
        private final PieceMerger merger = new PieceMerger();

        PieceEncoder(Ids out) {
            super(out);
        }

        @Override
        protected void plain(char[] text, int from, int to, boolean atStart) {
            int offset = spacePrefix && (atStart || !vocabulary.prefixOnce()) ? 1 : 0;
            char[] escaped = new char[to - from + offset];
            escaped[0] = SPACE;
            for (int i = from; i < to; i++) {
                escaped[i - from + offset] = text[i] == ' ' ? SPACE : text[i];
            }
            int begin = 0;
            for (int i = 1; i < escaped.length; i++) {
                if (!neighbours.contain(escaped[i - 1], escaped[i])) {
                    piece(escaped, begin, i);
                    begin = i;
                }
            }
            piece(escaped, begin, escaped.length);
        }

        private void piece(char[] text, int from, int to) {
            merger.load(text, from, to);
            int whole = merger.whole();
            if (whole >= 0 && wholeness[whole] == WHOLE) {
                out.add(whole);
                return;
            }
            int count = merger.mergeCharacters();
            if (whole >= 0) {
                wholeness[whole] = count == 1 && merger.tokenAt(0) == whole ? WHOLE : SPLIT;
            }
            for (int i = 0; i < count; i++) {
                emit(merger.tokenAt(i), i);
            }
        }

        private void emit(int token, int symbol) {
            if (token >= 0) {
                out.add(token);
                return;
            }
            for (int i = merger.from(symbol); i < merger.from(symbol + 1); i++) {
                int fallback = byteToken[merger.word[i] & 0xFF];
                out.addIfAny(fallback >= 0 ? fallback : vocabulary.ids().unk());
                if (fallback < 0) {
                    return;
                }
            }
        }
    }

    /** Joins symbols to whatever token their bytes spell. */
    private final class PieceMerger extends Merger {
        private byte[] word = new byte[256];
        /** Hashes of the beginnings of the word: [length + 1]. */
        private long[] hash = new long[257];
        private int length;

        void load(char[] text, int from, int to) {
            int room = (to - from) * Utf8.MAX_PER_CHAR;
            if (room > word.length) {
                word = new byte[room];
                hash = new long[room + 1];
            }
            length = Utf8.encode(text, from, to, word, 0);
            for (int i = 0; i < length; i++) {
                hash[i + 1] = TokenTable.extend(hash[i], word[i]);
            }
        }

        int whole() {
            return lookUp(0, length);
        }

        int mergeCharacters() {
            reserve(length);
            int n = 0;
            for (int at = 0; at < length; n++) {
                int end = at + Utf8.length(word[at]);
                token[n] = lookUp(at, end);
                start[n] = at;
                at = end;
            }
            start[n] = length;
            return merge(n);
        }

        int tokenAt(int symbol) {
            return token[symbol];
        }

        int from(int symbol) {
            return start[symbol];
        }

        private int lookUp(int from, int to) {
            if (to - from > table.maxLength()) {
                return -1;
            }
            return table.find(word, from, to, TokenTable.hashOfRest(hash[to], hash[from], to - from));
        }

        @Override
        protected int pair(int leftToken, int rightToken, int from, int to) {
            return lookUp(from, to);
        }

        @Override
        protected int rankOf(int merge) {
            return rank[merge];
        }

        @Override
        protected int tokenOf(int merge) {
            return merge;
        }
    }
}
