package io.lanewise.generate;

import io.lanewise.generate.ChatMessage.Role;
import io.lanewise.template.Template;
import io.lanewise.template.TemplateException;
import io.lanewise.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How a model wants a conversation written: the Jinja template that it carries, or one of a few well-known forms.
 * Immutable.
 */
public final class ChatTemplate {
    /** Forms for models that carry no template, or one that cannot be rendered. */
    public static final List<String> NAMES = List.of("chatml", "deepseek-r1", "gemma", "llama2", "llama3", "mistral",
            "phi3", "plain");

    private final Template template;
    private final String bos;
    private final String eos;
    private final boolean takesSystem;

    private ChatTemplate(String source, Tokenizer tokenizer) {
        template = Template.parse(source);
        bos = spelling(tokenizer, tokenizer.bos());
        eos = spelling(tokenizer, tokenizer.eos());
        takesSystem = takesSystem();
    }

    private static String spelling(Tokenizer tokenizer, int id) {
        return id < 0 ? "" : tokenizer.token(id);
    }

    /**
     * The template that a model carries.
     *
     * @throws IllegalArgumentException if it carries none
     * @throws TemplateException if it cannot be read
     */
    public static ChatTemplate of(Model model) {
        String source = model.chatTemplate().orElseThrow(() -> new IllegalArgumentException(
                "the model carries no chat template: it may not be made for conversations; give one of "
                        + String.join(", ", NAMES) + " or a file"));
        return new ChatTemplate(source, model.tokenizer());
    }

    /**
     * One of {@link #NAMES}.
     *
     * @throws IllegalArgumentException if there is none of this name
     */
    public static ChatTemplate named(String name, Model model) {
        if (!NAMES.contains(name)) {
            throw new IllegalArgumentException("template: expected " + String.join(", ", NAMES) + ", got '" + name + "'");
        }
        try (InputStream in = ChatTemplate.class.getResourceAsStream("templates/" + name + ".jinja")) {
            return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8), model);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /**
     * A template of one's own, in Jinja as Hugging Face's tokenizers have it.
     *
     * @throws TemplateException if it cannot be read
     */
    public static ChatTemplate parse(String jinja, Model model) {
        return new ChatTemplate(jinja, model.tokenizer());
    }

    /**
     * The text that the model is to go on with: the conversation, and the beginning of its answer. A system message goes
     * before the first question where the template knows no such role.
     *
     * @throws TemplateException if the template refuses the conversation or cannot be rendered
     */
    public String render(List<ChatMessage> messages) {
        return render(takesSystem ? messages : withoutSystem(messages), Map.of());
    }

    private String render(List<ChatMessage> messages, Map<String, Object> more) {
        Map<String, Object> variables = new HashMap<>(more);
        variables.put("messages", messages.stream()
                .map(message -> Map.of("role", message.role().spelling(), "content", message.content())).toList());
        variables.put("add_generation_prompt", true);
        variables.put("bos_token", bos);
        variables.put("eos_token", eos);
        return template.render(variables);
    }

    /** Some templates refuse system messages, and some pass over them without a word. */
    private boolean takesSystem() {
        String mark = "Lanewise asks whether this is taken.";
        try {
            return render(List.of(ChatMessage.system(mark), ChatMessage.user("Hello")), Map.of()).contains(mark);
        } catch (TemplateException refused) {
            return false;
        }
    }

    private static List<ChatMessage> withoutSystem(List<ChatMessage> messages) {
        StringBuilder system = new StringBuilder();
        List<ChatMessage> merged = new ArrayList<>();
        for (ChatMessage message : messages) {
            if (message.role() == Role.SYSTEM) {
                system.append(message.content()).append("\n\n");
            } else if (message.role() == Role.USER && !system.isEmpty()) {
                merged.add(ChatMessage.user(system + message.content()));
                system.setLength(0);
            } else {
                merged.add(message);
            }
        }
        return merged;
    }

    /** The tokens of a rendered text: it spells its special tokens itself, the first of all as well. */
    int[] tokens(Tokenizer tokenizer, String rendered) {
        boolean begun = !bos.isEmpty() && rendered.startsWith(bos);
        return tokenizer.encode(rendered, !begun, true);
    }
}
