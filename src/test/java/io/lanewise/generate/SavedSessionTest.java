package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.SharedData;
import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.GgufWriter;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class SavedSessionTest {
    private static final String PREFIX = "lanewise-session.";
    private static final int[] PROMPT = new Random(1).ints(70, 0, 240).toArray();

    @TempDir
    Path temp;

    private static Model model(String name) {
        return Model.load(SharedData.require("golden/families/" + name + ".gguf"), LoadOptions.DEFAULT.withThreads(2));
    }

    private static SessionOptions options(DType kvType) {
        return SessionOptions.DEFAULT.withContextLength(200).withKvType(kvType);
    }

    private static int[] greedy(Session session, int[] prompt, int count) {
        return session.generate(prompt, GenerationOptions.GREEDY.withMaxTokens(count), piece -> true).tokens();
    }

    @ParameterizedTest
    @CsvSource({"llama, F32", "llama, F16", "llama, Q8_0", "deepseek2-v3, F32", "deepseek2-v3, F16", "deepseek2-v3, Q8_0",
        "gemma2, F16", "qwen3moe, Q8_0"})
    void generationGoesOnAsIfItHadNeverStopped(String name, DType kvType) {
        Path file = temp.resolve("session");
        try (Model model = model(name)) {
            int[] whole;
            try (Session session = model.newSession(options(kvType))) {
                whole = greedy(session, PROMPT, 30);
            }
            assertThat(whole).as("a text that ends late enough").hasSizeGreaterThan(12);
            try (Session session = model.newSession(options(kvType))) {
                greedy(session, PROMPT, 10);
                session.save(file);
            }
            try (SavedSession saved = SavedSession.open(file);
                    Session session = model.newSession(options(kvType).withContextLength(150))) {
                session.restore(saved);
                assertThat(session.text()).hasSize(80).startsWith(PROMPT).isEqualTo(saved.text());
                assertThat(session.position()).isEqualTo(79);
                GenerationResult rest = session.generate(session.text(),
                        GenerationOptions.GREEDY.withMaxTokens(whole.length - 10), piece -> true);
                assertThat(rest.reusedTokens()).isEqualTo(79);
                assertThat(rest.tokens()).isEqualTo(Arrays.copyOfRange(whole, 10, whole.length));
            }
        }
    }

    @Test
    void aConversationIsSavedWithItsMessages() {
        Path file = temp.resolve("chat");
        List<ChatMessage> messages;
        try (Model model = Model.load(SharedData.require("models/stories260K/stories260K.F32.gguf"))) {
            GenerationOptions few = GenerationOptions.GREEDY.withMaxTokens(12);
            ChatTemplate template = ChatTemplate.named("plain", model);
            ChatReply expected;
            try (Session session = model.newSession()) {
                Chat chat = new Chat(session, template, few);
                chat.system("Say ☃.");
                chat.send("Once");
                chat.save(file);
                messages = chat.messages();
                expected = chat.send("upon");
            }
            try (SavedSession saved = SavedSession.open(file); Session session = model.newSession()) {
                Chat chat = new Chat(session, template, few);
                chat.restore(saved);
                assertThat(chat.messages()).isEqualTo(messages);
                ChatReply reply = chat.send("upon");
                assertThat(reply.answer()).isEqualTo(expected.answer());
                assertThat(reply.generation().reusedTokens()).isEqualTo(expected.generation().reusedTokens()).isPositive();
            }
        }
    }

    @Test
    void whatDoesNotFitIsRefusedAndLeavesTheSessionAsItWas() {
        Path file = temp.resolve("session");
        try (Model model = model("llama"); Model other = model("llama-tied"); Model converted = Model.load(
                SharedData.require("golden/families/llama.gguf"), LoadOptions.DEFAULT.withType(DType.Q8_0))) {
            try (Session session = model.newSession(options(DType.F32))) {
                assertThatThrownBy(() -> session.save(file)).isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("empty");
                session.prefill(PROMPT);
                session.save(file);
            }
            try (SavedSession saved = SavedSession.open(file)) {
                refused(saved, other, options(DType.F32), "of another model");
                refused(saved, converted, options(DType.F32), "of another model");
                refused(saved, model, options(DType.F16), "--kv-type F32");
                refused(saved, model, options(DType.F32).withContextLength(69), "--ctx 70");
            }
        }
    }

    private static void refused(SavedSession saved, Model model, SessionOptions options, String message) {
        try (Session session = model.newSession(options)) {
            session.prefill(new int[] {1, 2, 3});
            assertThatThrownBy(() -> session.restore(saved)).isInstanceOf(FormatException.class)
                    .hasMessageContaining(message);
            assertThat(session.tokens()).containsExactly(1, 2, 3);
        }
    }

    @Test
    void oneWrongBitIsSeen() throws IOException {
        Path file = temp.resolve("session");
        try (Model model = model("llama"); Session session = model.newSession(options(DType.F32))) {
            session.prefill(PROMPT);
            session.save(file);
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length - 1000] ^= 4;
            Files.write(file, bytes);
            try (SavedSession saved = SavedSession.open(file)) {
                assertThatThrownBy(() -> session.restore(saved)).isInstanceOf(FormatException.class)
                        .hasMessageContaining("checksum");
            }
        }
    }

    /** Every key: gone, of another type, or of a value that makes no sense. */
    @ParameterizedTest
    @ValueSource(strings = {"general.architecture", PREFIX + "version", PREFIX + "model", PREFIX + "model_name",
        PREFIX + "kv_type", PREFIX + "tokens", PREFIX + "unread", PREFIX + "roles", PREFIX + "contents", PREFIX + "checksum"})
    void damagedMetadataIsRefusedByName(String key) {
        Path file = temp.resolve("session");
        try (Model model = model("llama"); Session session = model.newSession(options(DType.F32))) {
            session.prefill(PROMPT);
            session.save(file);
            List<UnaryOperator<GgufWriter>> changes = List.of(writer -> writer.remove(key),
                    writer -> writer.string(key, "nonsense"), writer -> writer.int32(key, -7),
                    writer -> writer.int32s(key, -1, 1 << 30), writer -> writer.strings(key, List.of("king")));
            for (UnaryOperator<GgufWriter> change : changes) {
                Path damaged = temp.resolve("damaged");
                rewrite(file, damaged, change, tensor -> tensor.shape());
                if (key.endsWith("model_name")) {
                    continue;
                }
                assertThatThrownBy(() -> {
                    try (SavedSession saved = SavedSession.open(damaged)) {
                        session.restore(saved);
                    }
                }).isInstanceOf(FormatException.class).hasMessageContaining("damaged");
            }
        }
    }

    @Test
    void tensorsOfAnotherShapeAreRefused() {
        Path file = temp.resolve("session");
        Path damaged = temp.resolve("damaged");
        try (Model model = model("llama"); Session session = model.newSession(options(DType.F32))) {
            session.prefill(PROMPT);
            session.save(file);
            rewrite(file, damaged, writer -> writer, tensor -> Shape.of(tensor.shape().dim(1), tensor.shape().dim(0)));
            try (SavedSession saved = SavedSession.open(damaged)) {
                assertThatThrownBy(() -> session.restore(saved)).isInstanceOf(FormatException.class)
                        .hasMessageContaining("blk.0.cache");
            }
        }
    }

    /** A copy of a file with something changed. */
    private static void rewrite(Path from, Path to, UnaryOperator<GgufWriter> change,
            java.util.function.Function<TensorSource, Shape> shape) {
        try (Checkpoint checkpoint = Checkpoint.open(from)) {
            GgufWriter writer = change.apply(new GgufWriter().metadata(checkpoint.metadata()));
            for (TensorSource tensor : checkpoint.tensors()) {
                MemorySegment bytes = tensor.map().segment();
                writer.tensor(tensor.name(), tensor.dtype(), shape.apply(tensor),
                        (offset, target) -> target.copyFrom(bytes.asSlice(offset, target.byteSize())));
            }
            writer.write(to);
        }
    }
}
