package io.lanewise.generate;

/** Receives text as it is generated. */
@FunctionalInterface
public interface TokenListener {
    /**
     * Takes the next piece of text; never cut within a character. Called on the thread that generates.
     *
     * @return whether to go on
     */
    boolean onText(String piece);
}
