package io.lanewise.generate;

import java.util.Objects;

/**
 * One turn of a conversation.
 *
 * @param role who speaks
 * @param content what is said; of a model that thinks before it answers, with its {@code <think>…</think>} block, which
 *     the model's template leaves out of later prompts or keeps as it was trained to
 */
public record ChatMessage(Role role, String content) {
    /** Who speaks. */
    public enum Role {
        /** Sets how the model is to behave. */
        SYSTEM,
        USER,
        /** The model. */
        ASSISTANT;

        /** As templates spell it. */
        String spelling() {
            return name().toLowerCase();
        }
    }

    public ChatMessage {
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(content, "content");
    }

    public static ChatMessage system(String content) {
        return new ChatMessage(Role.SYSTEM, content);
    }

    public static ChatMessage user(String content) {
        return new ChatMessage(Role.USER, content);
    }

    public static ChatMessage assistant(String content) {
        return new ChatMessage(Role.ASSISTANT, content);
    }
}
