package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.lanewise.SharedData;
import io.lanewise.format.FormatException;
import io.lanewise.tensor.DType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Logits of whole models against the references that come with the shared data. */
class GoldenLogitsTest {
    /** Of NMSE: what the README of the golden data asks of engines that keep float activations. */
    private static final double FAMILY_TOLERANCE = 1e-8;
    /** Likewise, of engines that round keys and values to 16 bits. */
    private static final double HALF_CACHE_TOLERANCE = 1e-5;
    /**
     * Types of which a few rows of x are multiplied as floats. Of the others a few rows are multiplied in whole numbers, as
     * llama.cpp does with all: half of its distance from the answer in floats is allowed, where two fifths are the most
     * that is seen (of 5 and 6 bits; a tenth of 4); the whole of it for mixtures, where either may choose another expert
     * at a token.
     */
    private static final Set<String> FLOATS = Set.of("F32", "F16", "BF16", "Q8_0");
    /** Models of the golden folder that this version does not run. */
    private static final Set<String> NOT_YET = Set.of("bert");

    @ParameterizedTest
    @CsvSource({"1, 512", "2, 512", "5, 512", "2, 13", "5, 7", "1, 1", "2, 1", "5, 1"})
    void storiesAgreeWithTheFloat64ReferenceInAnyBatchSizeAndThreadCount(int threads, int batchRows) throws IOException {
        Path folder = SharedData.require("models/stories260K");
        int[] ids = ints(folder.resolve("golden.json"), "ids");
        float[] expected = floats(folder.resolve("golden.logits.f32le"));
        float[] actual = logits(folder.resolve("stories260K.F32.gguf"), ids, threads, batchRows);
        assertThat(actual).hasSize(expected.length);
        for (int i = 0; i < expected.length; i++) {
            assertThat(Math.abs(actual[i] - expected[i])).as("logit %d", i).isLessThan(2e-4f);
        }
    }

    /** All models of the folder but the quantised ones, which have a test of their own. */
    static List<String> families() throws IOException {
        try (Stream<Path> files = Files.list(SharedData.require("golden/families"))) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".json"))
                    .map(name -> name.replace(".json", ""))
                    .filter(name -> !name.contains("-q.") && !NOT_YET.contains(name)).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("families")
    void familiesAgreeInOneBatchInChunksAndTokenByToken(String name) throws IOException {
        Path header = SharedData.require("golden/families").resolve(name + ".json");
        int[] tokens = ints(header, "tokens");
        float[] expected = floats(header.resolveSibling(name + ".logits.f32"));
        for (int[] run : new int[][] {{1, 48}, {2, 48}, {2, 11}, {3, 5}, {1, 1}, {2, 1}}) {
            float[] actual = logits(file(header), tokens, run[0], run[1], context(header));
            double nmse = nmse(actual, expected);
            assertThat(nmse).as("%s, %d threads, batches of %d", name, run[0], run[1]).isLessThan(FAMILY_TOLERANCE);
            if (Boolean.getBoolean("lanewise.golden.print")) {
                System.out.printf("%-20s %d threads, batches of %2d: NMSE %.1e%n", name, run[0], run[1], nmse);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("families")
    void sixteenBitCachesAgreeWithinTheirRounding(String name) throws IOException {
        Path header = SharedData.require("golden/families").resolve(name + ".json");
        SessionOptions options = SessionOptions.DEFAULT.withBatchRows(11).withContextLength(context(header))
                .withKvType(DType.F16);
        float[] actual = logits(file(header), ints(header, "tokens"), 2, options);
        double nmse = nmse(actual, floats(header.resolveSibling(name + ".logits.f32")));
        assertThat(nmse).as(name).isLessThan(HALF_CACHE_TOLERANCE);
    }

    @ParameterizedTest
    @MethodSource("families")
    void greedyContinuationsAreTheSame(String name) throws IOException {
        Path header = SharedData.require("golden/families").resolve(name + ".json");
        int[] tokens = ints(header, "tokens");
        int[] expected = ints(header, "greedy");
        try (Model model = Model.load(file(header));
                Session session = model.newSession(SessionOptions.DEFAULT.withContextLength(context(header)))) {
            Sampler greedy = new Sampler(GenerationOptions.GREEDY, model.config().vocabSize());
            session.prefill(tokens);
            int[] actual = new int[expected.length];
            for (int i = 0; i < actual.length; i++) {
                actual[i] = greedy.sample(session.logits().segment(), 0);
                session.decode(actual[i]);
            }
            assertThat(actual).isEqualTo(expected);
        }
    }

    @Test
    void whatIsNotYetRunIsRefusedByName() throws IOException {
        Path folder = SharedData.require("golden/families");
        for (String name : NOT_YET) {
            assertThatThrownBy(() -> Model.load(folder.resolve(name + ".gguf"))).as(name)
                    .isInstanceOf(FormatException.class).hasMessageContaining(name + ".gguf");
        }
    }

    /** The model that a header is about: the file beside it, or the one that it shares with another header. */
    private static Path file(Path header) {
        String name = header.getFileName().toString().replace(".json", ".gguf");
        return header.resolveSibling(name.replace("longrope-short", "longrope"));
    }

    private static int context(Path header) throws IOException {
        return header.getFileName().toString().equals("phi3-longrope-short.json") ? 256 : 512;
    }

    @ParameterizedTest
    @ValueSource(strings = {"BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "IQ4_NL", "MXFP4", "Q2_K", "Q3_K", "Q4_K",
        "Q5_K", "Q6_K", "IQ4_XS", "Q4_K_M"})
    void quantisedFilesAgreeWithTheirDequantisedWeights(String type) throws IOException {
        Path folder = SharedData.require("golden/families");
        for (String name : List.of("llama-q." + type, "qwen2-q." + type, "deepseek2-lite-q." + type)) {
            if (Files.exists(folder.resolve(name + ".gguf"))) {
                int[] tokens = ints(folder.resolve(name + ".json"), "tokens");
                float[] expected = floats(folder.resolve(name + ".logits.f32"));
                for (int batchRows : new int[] {48, 1}) {
                    double tolerance = batchRows > 1 || FLOATS.contains(type) ? FAMILY_TOLERANCE
                            : nmse(floats(folder.resolve(name + ".stock.f32")), expected) / (name.startsWith("deepseek") ? 1 : 2);
                    float[] actual = logits(folder.resolve(name + ".gguf"), tokens, 2, batchRows);
                    assertThat(nmse(actual, expected)).as("%s, batches of %d", name, batchRows)
                            .isLessThan(tolerance);
                }
            }
        }
    }

    private static float[] logits(Path file, int[] tokens, int threads, int batchRows) {
        return logits(file, tokens, threads, batchRows, 0);
    }

    private static float[] logits(Path file, int[] tokens, int threads, int batchRows, int contextLength) {
        return logits(file, tokens, threads,
                SessionOptions.DEFAULT.withBatchRows(batchRows).withContextLength(contextLength));
    }

    private static float[] logits(Path file, int[] tokens, int threads, SessionOptions options) {
        try (Model model = Model.load(file, LoadOptions.DEFAULT.withThreads(threads));
                Session session = model.newSession(options)) {
            int vocabSize = model.config().vocabSize();
            float[] all = new float[tokens.length * vocabSize];
            session.logitsOf(tokens, (position, logits) ->
                    System.arraycopy(logits.toFloatArray(), 0, all, position * vocabSize, vocabSize));
            return all;
        }
    }

    private static double nmse(float[] actual, float[] expected) {
        assertThat(actual).hasSize(expected.length);
        double error = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            double difference = (double) actual[i] - expected[i];
            error += difference * difference;
            norm += (double) expected[i] * expected[i];
        }
        return error / norm;
    }

    private static float[] floats(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[bytes.remaining() / Float.BYTES];
        bytes.asFloatBuffer().get(values);
        return values;
    }

    /** The array of whole numbers under a top-level key. */
    private static int[] ints(Path json, String key) throws IOException {
        try (JsonParser parser = new JsonFactory().createParser(json.toFile())) {
            while (parser.nextToken() != null) {
                if (parser.currentToken() == JsonToken.FIELD_NAME && parser.currentName().equals(key)) {
                    List<Integer> values = new ArrayList<>();
                    parser.nextToken();
                    while (parser.nextToken() != JsonToken.END_ARRAY) {
                        values.add(parser.getIntValue());
                    }
                    return values.stream().mapToInt(Integer::intValue).toArray();
                }
            }
        }
        throw new AssertionError(json + " has no array " + key);
    }
}
