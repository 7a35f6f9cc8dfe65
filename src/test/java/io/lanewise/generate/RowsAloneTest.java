package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import io.lanewise.tensor.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Several tokens read in one pass to be checked against guesses: logits must have the bits that they have where the tokens
 * are read one by one, for every family, weight type and cache type. That is what lets looking ahead change no text.
 */
@Timeout(300)
class RowsAloneTest {
    private static final int[] COUNTS = {2, 3, 4, 5, 8, 9, 16};
    private static final int[] SOME_COUNTS = {3, 16};

    static List<String> models() throws IOException {
        try (Stream<Path> files = Files.list(SharedData.require("golden/families"))) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".gguf"))
                    .filter(name -> !name.equals("bert.gguf")).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void logitsHaveTheBitsOfTokensReadOneByOne(String name) {
        for (DType kvType : new DType[] {DType.F32, DType.F16, DType.Q8_0}) {
            try (Model model = Model.load(SharedData.require("golden/families").resolve(name),
                            LoadOptions.DEFAULT.withThreads(2))) {
                check(model, kvType, 70, kvType == DType.F32 ? COUNTS : SOME_COUNTS);
            }
        }
    }

    /** Attention cuts the keys of long contexts into parts, by how many queries there are. */
    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama-q.Q8_0", "qwen2-q.Q4_K_M", "deepseek2-lite", "gemma2", "falcon"})
    void inLongContextsToo(String name) {
        try (Model model = Model.load(SharedData.require("golden/families/" + name + ".gguf"),
                LoadOptions.DEFAULT.withThreads(2))) {
            for (DType kvType : new DType[] {DType.F32, DType.F16, DType.Q8_0}) {
                check(model, kvType, 2100, SOME_COUNTS);
            }
        }
    }

    /** Reads some tokens in one pass, and the same one by one, after {@code depth} others. */
    private static void check(Model model, DType kvType, int depth, int[] counts) {
        int context = depth + 20;
        int[] tokens = new Random(1).ints(context, 0, model.config().vocabSize()).toArray();
        SessionOptions options = SessionOptions.DEFAULT.withContextLength(context).withKvType(kvType);
        try (Session session = model.newSession(options)) {
            session.prefill(Arrays.copyOf(tokens, depth));
            int most = counts[counts.length - 1];
            float[][] expected = new float[most][];
            for (int i = 0; i < most; i++) {
                session.decode(tokens[depth + i]);
                expected[i] = session.logits().row(0).toFloatArray();
            }
            for (int count : counts) {
                session.truncate(depth);
                session.decode(Arrays.copyOfRange(tokens, depth, depth + count), count);
                for (int i = 0; i < count; i++) {
                    assertSame(session.logits().row(i).toFloatArray(), expected[i],
                            model.config().architecture() + ", cache " + kvType + ", row " + i + " of " + count);
                }
            }
            // What the pass left in the cache counts too.
            session.truncate(depth + most - 1);
            session.decode(tokens[depth + most - 1]);
            assertSame(session.logits().row(0).toFloatArray(), expected[most - 1], "after the pass, cache " + kvType);
        }
    }

    private static void assertSame(float[] actual, float[] expected, String what) {
        long mismatch = MemorySegment.ofArray(actual).mismatch(MemorySegment.ofArray(expected));
        assertThat(mismatch).as("%s: first byte of the logits that differs", what).isEqualTo(-1);
    }
}
