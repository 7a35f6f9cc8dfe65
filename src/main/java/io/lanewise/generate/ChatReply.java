package io.lanewise.generate;

/**
 * What a model replied.
 *
 * @param reasoning what it thought before, empty where it does not
 * @param answer its answer
 * @param generation tokens, times, and why it ended
 */
public record ChatReply(String reasoning, String answer, GenerationResult generation) {}
