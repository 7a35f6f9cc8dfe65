package io.lanewise.tokenizer;

import java.util.Arrays;
import java.util.List;

/**
 * Byte-level BPE ({@code gpt2}): a {@link PreTokenizer} cuts words, the bytes of a word merge by rank. Vocabularies
 * spell each byte as a printable char (bytes that are none as U+0100 and on), which is undone once, when the tables are
 * made; from there on everything works on bytes.
 */
final class ByteLevelTokenizer extends VocabularyTokenizer {
    private static final short[] BYTE_OF_CHAR = byteOfChar();

    private static final byte WHOLE = 1;
    private static final byte SPLIT = 2;

    private final PreTokenizer preTokenizer;
    private final TokenTable table;
    private final int[] byteToken = new int[256];
    /** Rank of the merge of two tokens, by left · 2^32 + right. */
    private final LongIntTable ranks;
    /** The token that the merge of each rank gives. */
    private final int[] merged;
    private final boolean ignoreMerges;
    /**
     * Whether merging the bytes of a token gives that token back: 0 until
     * it is first needed, then {@link #WHOLE} or {@link #SPLIT}. A race finds the same.
     */
    private final byte[] wholeness;

    ByteLevelTokenizer(Vocabulary vocabulary) {
        this(vocabulary, PreTokenizer.of(vocabulary.pre()));
    }

    private ByteLevelTokenizer(Vocabulary vocabulary, PreTokenizer rule) {
        super(vocabulary, Vocabularies.orElse(vocabulary.addBos(), rule.addBos()) ? beginning(vocabulary) : NONE,
                Vocabularies.orElse(vocabulary.addSep(), rule.addSep()) ? vocabulary.ids().sep() : NONE,
                Vocabularies.orElse(vocabulary.addEos(), false) ? vocabulary.ids().eos() : NONE);
        preTokenizer = rule;
        ignoreMerges = Vocabularies.orElse(vocabulary.ignoreMerges(), rule.ignoreMerges());
        wholeness = new byte[types.length];
        table = new TokenTable(types.length, 8 * types.length);
        addTokens(vocabulary.tokens());
        for (int b = 0; b < byteToken.length; b++) {
            byte[] one = {(byte) b};
            byteToken[b] = table.find(one, 0, 1, TokenTable.hash(one, 0, 1));
        }
        if (vocabulary.merges() == null) {
            throw new IllegalArgumentException("merges: missing, and a vocabulary of the kind 'gpt2' merges by them");
        }
        ranks = new LongIntTable(vocabulary.merges().size());
        merged = new int[vocabulary.merges().size()];
        addMerges(vocabulary.merges());
        markKnownEnds();
    }

    private static int beginning(Vocabulary vocabulary) {
        return vocabulary.ids().bos() >= 0 ? vocabulary.ids().bos() : vocabulary.ids().cls();
    }

    /** The byte that each char stands for: printable Latin-1 for itself, the other bytes in order from U+0100 on. */
    private static short[] byteOfChar() {
        short[] table = new short[0x200];
        Arrays.fill(table, (short) -1);
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean printable = b > 0x20 && b < 0x7F || b > 0xA0 && b != 0xAD;
            table[printable ? b : next++] = (short) b;
        }
        return table;
    }

    private void addTokens(List<String> tokens) {
        char[] chars = new char[256];
        for (int id = 0; id < types.length; id++) {
            String token = tokens.get(id);
            int length = token.length();
            if (length > chars.length) {
                chars = new char[length];
            }
            token.getChars(0, length, chars, 0);
            boolean text = isText(id) || isPrintableAscii(chars, length);
            int earlier = text ? table.add(chars, length, BYTE_OF_CHAR) : TokenTable.UNSPELT;
            if (earlier == TokenTable.UNSPELT) {
                // Added tokens, and what no bytes can spell, stand for themselves.
                byte[] bytes = new byte[length * Utf8.MAX_PER_CHAR];
                table.add(bytes, Utf8.encode(chars, 0, length, bytes, 0), false);
            } else if (earlier >= 0) {
                throw Vocabularies.duplicate(vocabulary, id, earlier);
            }
        }
    }

    private static boolean isPrintableAscii(char[] chars, int length) {
        for (int i = 0; i < length; i++) {
            if (chars[i] <= ' ' || chars[i] >= 0x7F) {
                return false;
            }
        }
        return true;
    }

    private void addMerges(List<String> merges) {
        char[] chars = new char[256];
        byte[] bytes = new byte[256];
        int likely = 0;
        for (int rank = 0; rank < merged.length; rank++) {
            String merge = merges.get(rank);
            int length = merge.length();
            if (length > chars.length) {
                chars = new char[length];
                bytes = new byte[length];
            }
            merge.getChars(0, length, chars, 0);
            likely = addMerge(rank, merge, chars, bytes, likely) + 1;
        }
    }

    /**
     * Adds one merge.
     *
     * @param likely the token that it probably gives: most vocabularies list them in the order of their merges
     * @return the token that it gives
     */
    private int addMerge(int rank, String merge, char[] chars, byte[] bytes, int likely) {
        int end = 0;
        int middle = -1;
        long leftHash = 0;
        long hash = 0;
        for (int i = 0; i < merge.length(); i++) {
            char c = chars[i];
            int b = c < BYTE_OF_CHAR.length ? BYTE_OF_CHAR[c] : -1;
            if (b >= 0) {
                bytes[end++] = (byte) b;
                hash = TokenTable.extend(hash, (byte) b);
            } else if (c == ' ' && middle < 0) {
                middle = end;
                leftHash = hash;
                hash = 0;
            } else {
                throw badMerge(rank, merge, "is not two tokens with a space between them, of chars that stand for bytes");
            }
        }
        if (middle <= 0 || end == middle) {
            throw badMerge(rank, merge, "is not two tokens with a space between them");
        }
        int left = known(table.find(bytes, 0, middle, leftHash), rank, merge, "left part");
        int right = known(table.find(bytes, middle, end, hash), rank, merge, "right part");
        int whole = likely < types.length && isText(likely) && table.matches(likely, bytes, 0, end) ? likely
                : known(table.find(bytes, 0, end, TokenTable.hashOfBoth(leftHash, hash, end - middle)), rank, merge,
                        "result");
        merged[rank] = whole;
        // A pair that is listed twice merges by its first place.
        ranks.putIfAbsent(pair(left, right), rank);
        return whole;
    }

    /** Whether a token is one that bytes spell, not an added one that stands for itself. */
    private boolean isText(int id) {
        return types[id] == NORMAL || types[id] == UNUSED;
    }

    private static int known(int token, int rank, String merge, String part) {
        if (token < 0) {
            throw badMerge(rank, merge, "has a " + part + " that is not among the tokens");
        }
        return token;
    }

    private static IllegalArgumentException badMerge(int rank, String merge, String problem) {
        return new IllegalArgumentException("merges[" + rank + "] '" + merge + "' " + problem);
    }

    private static long pair(int left, int right) {
        return (long) left << 32 | right;
    }

    @Override
    protected int textLength(int id) {
        return table.length(id);
    }

    @Override
    protected int textOf(int id, byte[] dst, int at) {
        return table.copy(id, dst, at);
    }

    @Override
    protected int plainId(String spelling) {
        byte[] bytes = new byte[spelling.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = spelling.charAt(i);
            if (c >= BYTE_OF_CHAR.length || BYTE_OF_CHAR[c] < 0) {
                return NONE;
            }
            bytes[i] = (byte) BYTE_OF_CHAR[c];
        }
        return table.find(bytes, 0, bytes.length, TokenTable.hash(bytes, 0, bytes.length));
    }

    @Override
    protected Encoder newEncoder(Ids out, int chars) {
        return new WordEncoder(out);
    }

    private final class WordEncoder extends Encoder implements PreTokenizer.Sink {
        private final ByteMerger merger = new ByteMerger();
        private byte[] word = new byte[256];

        WordEncoder(Ids out) {
            super(out);
        }

        @Override
        protected void plain(char[] text, int from, int to, boolean atStart) {
            preTokenizer.split(text, from, to, this);
        }

        @Override
        public void piece(char[] text, int from, int to) {
            int room = (to - from) * Utf8.MAX_PER_CHAR;
            if (room > word.length) {
                word = new byte[room];
            }
            int length = Utf8.encode(text, from, to, word, 0);
            int whole = length > table.maxLength() ? -1 : table.find(word, 0, length, TokenTable.hash(word, 0, length));
            if (whole >= 0 && (ignoreMerges || wholeness[whole] == WHOLE)) {
                out.add(whole);
                return;
            }
            int count = merger.mergeBytes(word, length);
            if (whole >= 0) {
                wholeness[whole] = count == 1 && merger.tokenAt(0) == whole ? WHOLE : SPLIT;
            }
            for (int i = 0; i < count; i++) {
                int token = merger.tokenAt(i);
                out.addIfAny(token >= 0 ? token : vocabulary.ids().unk());
            }
        }
    }

    private final class ByteMerger extends Merger {
        int mergeBytes(byte[] word, int length) {
            reserve(length);
            for (int i = 0; i < length; i++) {
                token[i] = byteToken[word[i] & 0xFF];
                start[i] = i;
            }
            start[length] = length;
            return merge(length);
        }

        int tokenAt(int symbol) {
            return token[symbol];
        }

        @Override
        protected int pair(int leftToken, int rightToken, int from, int to) {
            return leftToken < 0 || rightToken < 0 ? -1 : ranks.get(ByteLevelTokenizer.pair(leftToken, rightToken));
        }

        @Override
        protected int rankOf(int merge) {
            return merge;
        }

        @Override
        protected int tokenOf(int merge) {
            return merged[merge];
        }
    }
}
