package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.SharedData;
import io.lanewise.template.TemplateException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
class ChatTest {
    private static final GenerationOptions SHORT = GenerationOptions.GREEDY.withMaxTokens(20);
    private static final String JOINED = "{{ bos_token }}{{ messages | map(attribute='content') | join('') }}";

    private static Model model;

    @BeforeAll
    static void load() {
        model = Model.load(SharedData.require("models/stories260K/stories260K.F32.gguf"));
    }

    @AfterAll
    static void close() {
        if (model != null) {
            model.close();
        }
    }

    private static ChatTemplate template(String jinja) {
        return ChatTemplate.parse(jinja, model);
    }

    @Test
    void repliesAsTheModelGoesOnWithTheRenderedText() {
        try (Session session = model.newSession(); Session plain = model.newSession()) {
            Chat chat = new Chat(session, template(JOINED), SHORT);
            StringBuilder heard = new StringBuilder();
            ChatReply reply = chat.send("Once upon a time", piece -> heard.append(piece) != null);

            String expected = plain.generate("Once upon a time", SHORT);
            assertThat(reply.generation().text()).isEqualTo(expected);
            assertThat(reply.answer()).isEqualTo(expected.strip());
            assertThat(heard).hasToString(expected);
            assertThat(chat.messages()).containsExactly(ChatMessage.user("Once upon a time"),
                    ChatMessage.assistant(expected));
        }
    }

    @Test
    void readsOnlyWhatIsNewOfAConversation() {
        try (Session session = model.newSession()) {
            Chat chat = new Chat(session, template(JOINED), SHORT);
            chat.send("Once upon a time");
            int position = session.position();
            GenerationResult second = chat.send("Then").generation();
            assertThat(second.reusedTokens()).isBetween(position - 4, position);
            assertThat(second.promptTokens()).isGreaterThan(position);
        }
    }

    @Test
    void aSystemMessageStandsFirstAndSurvivesAReset() {
        try (Session session = model.newSession()) {
            Chat chat = new Chat(session, template(JOINED), SHORT);
            chat.system("Be brief.");
            chat.send("Once");
            chat.system("Be long.");
            assertThat(chat.messages().getFirst()).isEqualTo(ChatMessage.system("Be long."));
            chat.reset();
            assertThat(chat.messages()).containsExactly(ChatMessage.system("Be long."));
            chat.system("");
            assertThat(chat.messages()).isEmpty();
        }
    }

    @Test
    void whatFailsLeavesTheConversationAsItWas() {
        try (Session session = model.newSession(SessionOptions.DEFAULT.withContextLength(16))) {
            Chat chat = new Chat(session, template(JOINED), SHORT);
            chat.restore(List.of(ChatMessage.user("Hello"), ChatMessage.assistant("Hi")));
            assertThatThrownBy(() -> chat.send("word ".repeat(50))).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("context of 16");
            assertThat(chat.messages()).hasSize(2);
        }
    }

    @Test
    void aListenerEndsAReply() {
        try (Session session = model.newSession()) {
            Chat chat = new Chat(session, template(JOINED), SHORT);
            ChatReply reply = chat.send("Once upon a time", piece -> false);
            assertThat(reply.generation().stopReason()).isEqualTo(GenerationResult.StopReason.CANCELLED);
        }
    }

    @Test
    void aModelWithoutTemplateSaysSo() {
        assertThat(model.chatTemplate()).isEmpty();
        assertThatThrownBy(() -> ChatTemplate.of(model)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no chat template").hasMessageContaining("chatml");
        assertThatThrownBy(() -> ChatTemplate.named("nope", model)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'nope'");
        assertThatThrownBy(() -> template("{% if %}")).isInstanceOf(TemplateException.class);
    }

    @Test
    void whereThereIsNoSystemRoleItsTextGoesBeforeTheFirstQuestion() {
        List<ChatMessage> conversation = List.of(ChatMessage.system("Be brief."), ChatMessage.user("Hello"),
                ChatMessage.assistant("Hi"), ChatMessage.user("Who?"));
        String expected = "[Be brief.\n\nHello][Hi][Who?]";
        assertThat(template("{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
                + "[{{ m.content }}]{% endfor %}").render(conversation)).isEqualTo(expected);
        assertThat(template("{% for m in messages if m.role != 'system' %}[{{ m.content }}]{% endfor %}")
                .render(conversation)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"deepseek-r1, deepseek-r1-distill", "gemma, gemma2", "llama3, llama3", "phi3, phi3"})
    void ourOwnFormsAreThoseOfThePublishedTemplates(String name, String published) throws IOException {
        ChatTemplate theirs = template(published(published));
        ChatTemplate ours = ChatTemplate.named(name, model);
        List<ChatMessage> conversation = List.of(ChatMessage.system("Be brief."), ChatMessage.user("Hello\n\nyou"),
                ChatMessage.assistant("<think>\nHm.\n</think>\n\nHi"), ChatMessage.user("Who?"));
        assertThat(ours.render(conversation)).isEqualTo(theirs.render(conversation));
        assertThat(ours.render(conversation.subList(1, 2))).isEqualTo(theirs.render(conversation.subList(1, 2)));
    }

    @Test
    void everyNamedFormRendersEveryMessage() {
        for (String name : ChatTemplate.NAMES) {
            String text = ChatTemplate.named(name, model).render(List.of(ChatMessage.system("A system"),
                    ChatMessage.user("A question"), ChatMessage.assistant("An answer"), ChatMessage.user("Another")));
            assertThat(text).as(name).containsSubsequence("A question", "An answer", "Another").contains("A system");
        }
    }

    private static String published(String name) throws IOException {
        try (InputStream in = TemplateException.class.getResourceAsStream("published/" + name + ".jinja")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
