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

    private static final byte UNTRIED = 0;
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
     * Whether merging the bytes of a token gives that token back; found when first needed. A race finds the same.
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
        byte[] bytes = new byte[256];
        for (int id = 0; id < types.length; id++) {
            String token = tokens.get(id);
            if (token.length() * Utf8.MAX_PER_CHAR > bytes.length) {
                bytes = new byte[token.length() * Utf8.MAX_PER_CHAR];
            }
            boolean text = types[id] == TokenType.NORMAL || types[id] == TokenType.UNUSED || isPrintableAscii(token);
            int length = text ? spelling(token, 0, token.length(), bytes, 0) : -1;
            if (length < 0) {
                // Added tokens, and what no bytes can spell, stand for themselves.
                char[] chars = token.toCharArray();
                table.add(bytes, Utf8.encode(chars, 0, chars.length, bytes, 0), false);
            } else {
                Vocabularies.refuseDuplicate(vocabulary, id, table.add(bytes, length, true));
            }
        }
    }

    private static boolean isPrintableAscii(String token) {
        for (int i = 0; i < token.length(); i++) {
            if (token.charAt(i) <= ' ' || token.charAt(i) >= 0x7F) {
                return false;
            }
        }
        return true;
    }

    /** Writes the bytes that chars [from, to) spell to {@code dst[at]} on; the end, or -1 where a char spells none. */
    private static int spelling(String token, int from, int to, byte[] dst, int at) {
        for (int i = from; i < to; i++) {
            char c = token.charAt(i);
            int b = c < BYTE_OF_CHAR.length ? BYTE_OF_CHAR[c] : -1;
            if (b < 0) {
                return -1;
            }
            dst[at++] = (byte) b;
        }
        return at;
    }

    private void addMerges(List<String> merges) {
        byte[] bytes = new byte[256];
        for (int rank = 0; rank < merged.length; rank++) {
            String merge = merges.get(rank);
            int space = merge.indexOf(' ');
            if (space <= 0 || space == merge.length() - 1) {
                throw new IllegalArgumentException("merges[" + rank + "] '" + merge + "' is not two tokens with a "
                        + "space between them");
            }
            if (merge.length() > bytes.length) {
                bytes = new byte[merge.length()];
            }
            int middle = spelling(merge, 0, space, bytes, 0);
            int end = middle < 0 ? -1 : spelling(merge, space + 1, merge.length(), bytes, middle);
            if (end < 0) {
                throw new IllegalArgumentException("merges[" + rank + "] '" + merge + "' holds a char that stands for "
                        + "no byte");
            }
            addMerge(rank, merge, bytes, middle, end);
        }
    }

    private void addMerge(int rank, String merge, byte[] bytes, int middle, int end) {
        long leftHash = TokenTable.hash(bytes, 0, middle);
        long wholeHash = leftHash;
        for (int i = middle; i < end; i++) {
            wholeHash = TokenTable.extend(wholeHash, bytes[i]);
        }
        int left = table.find(bytes, 0, middle, leftHash);
        int right = table.find(bytes, middle, end, TokenTable.hashOfRest(wholeHash, leftHash, end - middle));
        int whole = table.find(bytes, 0, end, wholeHash);
        if (left < 0 || right < 0 || whole < 0) {
            String part = left < 0 ? "left part" : right < 0 ? "right part" : "result";
            throw new IllegalArgumentException("merges[" + rank + "] '" + merge + "': its " + part
                    + " is not among the tokens");
        }
        merged[rank] = whole;
        // A pair that is listed twice merges by its first place.
        ranks.putIfAbsent(pair(left, right), rank);
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
