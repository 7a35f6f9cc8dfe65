package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import com.sun.management.ThreadMXBean;
import io.lanewise.SharedData;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sessions of models that differ from Llama: long ones, and what decoding allocates. */
@Timeout(120)
class FamilySessionTest {
    private static Path model(String name) {
        return SharedData.require("golden/families/" + name + ".gguf");
    }

    /** {@code count} tokens that repeat with no short period. */
    private static int[] tokens(int count) {
        return IntStream.range(0, count).map(i -> (i * 37 + i * i % 11) % 243).toArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-ropelinear", "gemma3-swakeys", "olmo2-swa", "phi3-longrope", "smollm3", "falcon-40b"})
    void sessionsMayBeLongerThanTheTrainedContext(String name) {
        int[] tokens = tokens(700);
        SessionOptions options = SessionOptions.DEFAULT.withContextLength(800);
        try (Model model = Model.load(model(name)); Session chunks = model.newSession(options.withBatchRows(97));
                Session whole = model.newSession(options.withBatchRows(800))) {
            assertThat(tokens.length).isGreaterThan(model.config().contextLength());
            chunks.prefill(tokens);
            whole.prefill(tokens);
            float[] logits = whole.logits().row(0).toFloatArray();
            assertThat(chunks.logits().row(0).toFloatArray()).containsExactly(logits, offset(1e-3f));
            for (float logit : logits) {
                assertThat(logit).isFinite();
            }
        }
    }

    @Test
    void learnedPositionsEndWhereTheirTableDoes() {
        try (Model model = Model.load(model("gpt2"))) {
            try (Session session = model.newSession(SessionOptions.DEFAULT.withContextLength(512))) {
                session.prefill(tokens(512));
                assertThat(session.logits().row(0).toFloatArray()[0]).isFinite();
            }
            assertThatThrownBy(() -> model.newSession(SessionOptions.DEFAULT.withContextLength(513)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("context of 513 positions: gpt2 has learned only 512; ask for no more");
        }
    }

    @Tag("slow")
    @ParameterizedTest
    @ValueSource(strings = {"llama", "gemma2", "gemma3", "granite", "olmo2-swa", "gpt2", "falcon-40b", "stablelm-par",
        "command-r", "phi3"})
    void decodingAllocatesNothing(String name) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        LoadOptions alone = LoadOptions.DEFAULT.withThreads(1);
        try (Model model = Model.load(model(name), alone); Session session = model.newSession()) {
            long least = Long.MAX_VALUE;
            long deadline = System.nanoTime() + 45_000_000_000L;
            session.prefill(tokens(5));
            while (least > 0 && System.nanoTime() < deadline) {
                session.truncate(4);
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 200; i++) {
                    session.decode(i);
                }
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertThat(least).as("bytes in 200 tokens").isZero();
        }
    }
}
