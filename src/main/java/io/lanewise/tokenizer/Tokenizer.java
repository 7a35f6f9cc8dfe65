package io.lanewise.tokenizer;

/** Text to token ids and back. Immutable, shared freely between threads. */
public interface Tokenizer {
    /** Stands for a special token that the vocabulary does not have. */
    int NONE = -1;

    /**
     * The ids of a text. Any string is welcome: a lone surrogate counts as U+FFFD.
     *
     * @param addSpecial   put in front and behind what the vocabulary asks for (BOS, EOS, CLS, SEP)
     * @param parseSpecial recognise control tokens spelt out in the text; user-defined tokens are always recognised
     */
    int[] encode(String text, boolean addSpecial, boolean parseSpecial);

    /** The text of ids from the start of a text: control tokens leave nothing, the space that encoding put in front goes. */
    default String decode(int[] ids) {
        return decode(ids, false);
    }

    /** As {@link #decode(int[])}, with control and unknown tokens spelt out when {@code showControl}. */
    String decode(int[] ids, boolean showControl);

    /** A streaming decoder for ids that continue a text: a leading space is text and stays; control tokens leave nothing. */
    default TokenDecoder newDecoder() {
        return newDecoder(false, false);
    }

    /**
     * A streaming decoder.
     *
     * @param startOfText the ids begin a text, so that the space which encoding put in front is taken off
     * @param showControl spell out control and unknown tokens
     */
    TokenDecoder newDecoder(boolean startOfText, boolean showControl);

    /** The number of ids: every id is in [0, vocabSize). */
    int vocabSize();

    /** A token as the vocabulary spells it, for display; see {@link #decode(int[])} for the text it stands for. */
    String token(int id);

    /** The id of a token as the vocabulary spells it, or {@link #NONE}. */
    int id(String token);

    /** What the vocabulary says of a token. */
    TokenType type(int id);

    /** Begin of sequence, or {@link #NONE}. */
    int bos();

    /** End of sequence, or {@link #NONE}. */
    int eos();

    /** Whether the model ends its turn with this id: end of sequence, of turn, of message, and their kin. */
    boolean isEndOfGeneration(int id);

    /** The vocabulary this tokenizer was made of. */
    Vocabulary vocabulary();
}
