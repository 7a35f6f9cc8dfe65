package io.lanewise.tokenizer;

import java.text.Normalizer;
import java.util.BitSet;
import java.util.Objects;
import java.util.Set;

/**
 * What all tokenizers share: checks, special tokens in the text, what goes in front and behind, and decoding. A kind of
 * tokenizer encodes the plain text between special tokens and says which bytes a token stands for.
 */
abstract class VocabularyTokenizer implements Tokenizer {
    /** Spellings with which the known model families end a turn, whatever ids the file names. */
    private static final Set<String> ENDS = Set.of("<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>",
            "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<EOT>", "_<EOT>", "<|EOT|>", "<|end_of_text|>",
            "<end_of_utterance>", "<｜end▁of▁sentence｜>", "<|END_OF_TURN_TOKEN|>", "<|end_of_turn|>", "<|fim_pad|>",
            "<|repo_name|>", "<|file_sep|>");
    private static final String SENTENCE_END = "</s>";

    static final byte NORMAL = 1;
    static final byte UNKNOWN = 2;
    static final byte CONTROL = 3;
    static final byte USER_DEFINED = 4;
    static final byte UNUSED = 5;
    static final byte BYTE = 6;

    protected final Vocabulary vocabulary;
    /** [tokens] codes of {@link TokenType}. */
    protected final byte[] types;
    private final SpecialTokens specials;
    private final BitSet ends = new BitSet();
    private final String[] pieces;

    /** What goes in front and behind when the caller asks for special tokens; -1 for nothing. */
    private final int front;
    private final int[] behind;

    protected VocabularyTokenizer(Vocabulary vocabulary, int front, int... behind) {
        this.vocabulary = vocabulary;
        this.front = front;
        this.behind = behind;
        types = Vocabularies.types(vocabulary);
        specials = Vocabularies.specials(vocabulary, types);
        pieces = new String[vocabulary.tokens().size()];
        Vocabulary.SpecialIds ids = vocabulary.ids();
        for (int id : new int[] {ids.eos(), ids.eot(), ids.eom()}) {
            if (id >= 0) {
                ends.set(id);
            }
        }
        if (vocabulary.ends() != null) {
            ends.or(vocabulary.ends());
        }
    }

    /** Marks the tokens that end a turn by their spelling; the last thing that a constructor does. */
    protected final void markKnownEnds() {
        for (String spelling : ENDS) {
            int id = knownId(spelling);
            if (id >= 0) {
                ends.set(id);
            }
        }
        int id = specials.id(SENTENCE_END);
        if (id >= 0) {
            ends.set(id);
        }
    }

    private int knownId(String spelling) {
        int special = specials.id(spelling);
        return special >= 0 ? special : plainId(spelling);
    }

    /** The token of plain text with this spelling, or -1. */
    protected abstract int plainId(String spelling);

    /** Encodes one text; holds the scratch of one call. */
    protected abstract class Encoder {
        protected final Ids out;

        protected Encoder(Ids out) {
            this.out = out;
        }

        /**
         * Encodes plain text [from, to), which holds no special tokens, behind what is there already.
         *
         * @param atStart whether the text begins here; if not, it goes on behind a special token
         */
        protected abstract void plain(char[] text, int from, int to, boolean atStart);
    }

    /** Scratch for a text of this many chars. */
    protected abstract Encoder newEncoder(Ids out, int chars);

    /** Writes the bytes that a token of text stands for to {@code dst[at]} on and returns the end. */
    protected abstract int textOf(int id, byte[] dst, int at);

    /** The most bytes that {@link #textOf} writes for this token. */
    protected abstract int textLength(int id);

    /** Whether encoding put a space in front that decoding takes off. */
    protected boolean takesSpacePrefixOff() {
        return false;
    }

    @Override
    public final int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
        Objects.requireNonNull(text, "text");
        char[] chars = (vocabulary.composeUnicode() ? compose(text) : text).toCharArray();
        Utf8.repair(chars);
        Ids out = new Ids(chars.length / 3 + 4);
        if (addSpecial) {
            out.addIfAny(front);
        }
        encode(chars, newEncoder(out, chars.length), parseSpecial);
        if (addSpecial) {
            for (int id : behind) {
                out.addIfAny(id);
            }
        }
        return out.toArray();
    }

    private static String compose(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) >= 0x300) {
                return Normalizer.normalize(text, Normalizer.Form.NFC);
            }
        }
        return text;
    }

    private void encode(char[] text, Encoder encoder, boolean parseSpecial) {
        int from = 0;
        while (true) {
            long found = specials.find(text, from, text.length, parseSpecial);
            int to = found < 0 ? text.length : (int) (found >>> 32);
            int id = (int) found;
            int end = found >= 0 && contains(vocabulary.stripLeft(), id) ? withoutTrailingSpace(text, from, to) : to;
            if (from < end) {
                encoder.plain(text, from, end, from == 0);
            }
            if (found < 0) {
                return;
            }
            encoder.out.add(id);
            from = to + spelling(id).length();
            if (contains(vocabulary.stripRight(), id)) {
                while (from < text.length && Character.isWhitespace(text[from])) {
                    from++;
                }
            }
        }
    }

    /** How a special token is spelt in a text. */
    private String spelling(int id) {
        return vocabulary.tokens().get(id);
    }

    private static boolean contains(BitSet set, int id) {
        return set != null && set.get(id);
    }

    private static int withoutTrailingSpace(char[] text, int from, int to) {
        int end = to;
        while (end > from && Character.isWhitespace(text[end - 1])) {
            end--;
        }
        return end;
    }

    @Override
    public final String decode(int[] ids, boolean showControl) {
        int capacity = 0;
        for (int id : ids) {
            capacity = Math.addExact(capacity, lengthOf(id, showControl));
        }
        byte[] bytes = new byte[capacity];
        int end = 0;
        for (int id : ids) {
            end = bytesOf(id, showControl, bytes, end);
        }
        int begin = takesSpacePrefixOff() && end > 0 && bytes[0] == ' ' && beginsWithText(ids, showControl) ? 1 : 0;
        return Utf8.decode(bytes, begin, end);
    }

    private boolean beginsWithText(int[] ids, boolean showControl) {
        int first = 0;
        while (first < ids.length && !showControl && hidden(ids[first])) {
            first++;
        }
        return first < ids.length && !hidden(ids[first]);
    }

    @Override
    public final TokenDecoder newDecoder(boolean startOfText, boolean showControl) {
        return new StreamDecoder(this, startOfText && takesSpacePrefixOff(), showControl);
    }

    /** Whether a token stands for no text of its own. */
    final boolean hidden(int id) {
        byte type = types[checked(id)];
        return type == CONTROL || type == UNKNOWN;
    }

    /** The most bytes that {@link #bytesOf} writes. */
    final int lengthOf(int id, boolean showControl) {
        if (hidden(id)) {
            return showControl ? token(id).length() * Utf8.MAX_PER_CHAR : 0;
        }
        return textLength(id);
    }

    /** Writes what decoding a token gives to {@code dst[at]} on and returns the end. */
    final int bytesOf(int id, boolean showControl, byte[] dst, int at) {
        if (!hidden(id)) {
            return textOf(id, dst, at);
        }
        if (!showControl) {
            return at;
        }
        char[] chars = token(id).toCharArray();
        return Utf8.encode(chars, 0, chars.length, dst, at);
    }

    /**
     * The text of a token that is whole characters, or null for one that holds part of a character. Kept once made: a
     * string may be shared without locks, and a race makes an equal one.
     */
    final String wholePiece(int id) {
        String piece = pieces[id];
        if (piece == null) {
            byte[] bytes = new byte[lengthOf(id, false)];
            int end = bytesOf(id, false, bytes, 0);
            piece = Utf8.decode(bytes, 0, end);
            if (piece.indexOf('\uFFFD') >= 0) {
                return null;
            }
            pieces[id] = piece;
        }
        return piece;
    }

    private int checked(int id) {
        if (id < 0 || id >= pieces.length) {
            throw new IllegalArgumentException("token id " + id + " is out of range: the vocabulary has ids 0 to "
                    + (pieces.length - 1));
        }
        return id;
    }

    @Override
    public final int vocabSize() {
        return pieces.length;
    }

    @Override
    public final String token(int id) {
        return vocabulary.tokens().get(checked(id));
    }

    @Override
    public final int id(String token) {
        int known = knownId(token);
        // Bytes and unspeakable tokens are in no index.
        return known >= 0 ? known : vocabulary.tokens().indexOf(token);
    }

    @Override
    public final TokenType type(int id) {
        return TokenType.of(types[checked(id)]);
    }

    @Override
    public final int bos() {
        Vocabulary.SpecialIds ids = vocabulary.ids();
        return ids.bos() >= 0 ? ids.bos() : ids.cls();
    }

    @Override
    public final int eos() {
        return vocabulary.ids().eos();
    }

    @Override
    public final boolean isEndOfGeneration(int id) {
        return id >= 0 && ends.get(id);
    }

    @Override
    public final Vocabulary vocabulary() {
        return vocabulary;
    }
}
