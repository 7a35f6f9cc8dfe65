package io.lanewise.generate;

import io.lanewise.generate.ChatMessage.Role;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A conversation with a model: keeps the messages, writes them as the model's template wants, and reads only what is new
 * of them at every turn. For one thread at a time; {@link Session#cancel} ends a reply from another.
 */
public final class Chat {
    private final Session session;
    private final ChatTemplate template;
    private final GenerationOptions options;
    private final List<ChatMessage> messages = new ArrayList<>();

    /** A conversation in a session, which stays the caller's to close. */
    public Chat(Session session, ChatTemplate template, GenerationOptions options) {
        this.session = session;
        this.template = template;
        this.options = options;
    }

    /** The messages so far, a copy. */
    public List<ChatMessage> messages() {
        return List.copyOf(messages);
    }

    /** Sets how the model is to behave, from the next reply on; an empty text takes it back. */
    public void system(String text) {
        messages.removeIf(message -> message.role() == Role.SYSTEM);
        if (!text.isEmpty()) {
            messages.addFirst(ChatMessage.system(text));
        }
    }

    /** Forgets all but the system message. */
    public void reset() {
        messages.removeIf(message -> message.role() != Role.SYSTEM);
    }

    /**
     * Writes the conversation and what the model remembers of it to a file; errors as {@link Session#save}.
     */
    public void save(Path file) {
        SavedSession.write(file, session, new int[0], messages);
    }

    /** Goes on where a saved conversation was; errors as {@link Session#restore}. */
    public void restore(SavedSession saved) {
        session.restore(saved);
        restore(saved.messages());
    }

    /** Goes on with another conversation. */
    public void restore(List<ChatMessage> conversation) {
        List<ChatMessage> copy = List.copyOf(conversation);
        messages.clear();
        messages.addAll(copy);
    }

    /**
     * Says something and gives the model's reply, piece by piece to the listener and then as a whole. Both are part of the
     * conversation afterwards; where this fails, the conversation stays as it was.
     *
     * @throws IllegalArgumentException if the conversation does not fit the session's context
     * @throws io.lanewise.template.TemplateException if the template refuses the conversation
     */
    public ChatReply send(String text, ChatListener listener) {
        List<ChatMessage> asked = new ArrayList<>(messages);
        asked.add(ChatMessage.user(text));
        String prompt = template.render(asked);
        int[] tokens = template.tokens(session.model().tokenizer(), prompt);
        if (tokens.length >= session.contextLength()) {
            throw new IllegalArgumentException("the conversation has " + tokens.length + " tokens and leaves no room for a "
                    + "reply in the context of " + session.contextLength());
        }
        boolean begun = prompt.stripTrailing().endsWith(Thinking.BEGIN);
        Thinking thinking = new Thinking(begun);
        GenerationResult result = session.generate(tokens, options, piece -> thinking.accept(piece, listener));
        thinking.finish(listener);
        messages.add(ChatMessage.user(text));
        messages.add(ChatMessage.assistant((begun ? Thinking.BEGIN + "\n" : "") + result.text()));
        return new ChatReply(thinking.reasoning(), thinking.answer(), result);
    }

    /** As {@link #send(String, ChatListener)} without a listener. */
    public ChatReply send(String text) {
        return send(text, piece -> true);
    }
}
