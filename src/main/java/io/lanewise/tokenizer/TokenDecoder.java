package io.lanewise.tokenizer;

/**
 * Turns a stream of ids into text as it arrives. A UTF-8 character that is spread over several tokens is held back until
 * it is whole; bytes that can no longer become a character come out as U+FFFD. The joined answers are the same text that
 * {@link Tokenizer#decode(int[])} gives for all ids at once. For one thread at a time.
 */
public interface TokenDecoder {
    /** The text that has become certain with this id; often a word, sometimes nothing. */
    String accept(int id);

    /** Ends the stream: whatever is still held back, as U+FFFD, and the decoder is as new. */
    String flush();
}
