package io.lanewise.generate;

/** Receives a reply as it comes. */
@FunctionalInterface
public interface ChatListener {
    /** A piece of the answer, never cut within a character. @return whether to go on */
    boolean onAnswer(String piece);

    /** A piece of what the model thinks before it answers. @return whether to go on */
    default boolean onReasoning(String piece) {
        return true;
    }
}
