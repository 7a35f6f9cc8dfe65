package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.lanewise.SharedData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LogitsCommandTest {
    private static final int VOCAB_SIZE = 512;
    private static final Pattern ROW = Pattern.compile("\\[([-0-9.E,]+)\\]");

    private static String model() {
        return SharedData.require("models/stories260K/stories260K.F32.gguf").toString();
    }

    private static String goldenIds() throws IOException {
        String json = Files.readString(SharedData.require("models/stories260K/golden.json"));
        return json.substring(json.indexOf('[') + 1, json.indexOf(']'));
    }

    private static FloatBuffer golden() throws IOException {
        byte[] bytes = Files.readAllBytes(SharedData.require("models/stories260K/golden.logits.f32le"));
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    }

    @ParameterizedTest
    @CsvSource({"512,1", "512,2", "7,5", "1,1"})
    void logitsAgreeWithTheReferenceInAnyChunksAndWithAnyThreads(String batch, String threads) throws IOException {
        FloatBuffer expected = golden();

        CommandLineRun run = CommandLineRun.of("logits", "-m", model(), "--tokens", goldenIds(), "--batch", batch,
                "--threads", threads);

        assertThat(run.exit()).isZero();
        assertThat(run.out()).startsWith("{\"tokens\":[1,403,").contains("\"vocabSize\":512,\"logits\":[[").endsWith("]]}\n");
        Matcher rows = ROW.matcher(run.out().substring(run.out().indexOf("\"logits\"")));
        int position = 0;
        for (; rows.find(); position++) {
            String[] row = rows.group(1).split(",");
            assertThat(row).hasSize(VOCAB_SIZE);
            for (int id = 0; id < VOCAB_SIZE; id++) {
                assertThat(Float.parseFloat(row[id])).isCloseTo(expected.get(position * VOCAB_SIZE + id), within(2e-4f));
            }
        }
        assertThat(position).isEqualTo(expected.capacity() / VOCAB_SIZE);
    }

    @Test
    void lastGivesTheLastRowAlone() throws IOException {
        CommandLineRun run = CommandLineRun.of("logits", "-m", model(), "--tokens", goldenIds(), "--last");

        Matcher rows = ROW.matcher(run.out().substring(run.out().indexOf("\"logits\"")));
        assertThat(rows.results().count()).isEqualTo(1);
    }

    @Test
    void tokensOutsideTheVocabularyAreRefused() {
        EngineTest.assertMistake(CommandLineRun.of("logits", "-m", model(), "--tokens", "1,512"), "--tokens", "0 to 511");
        EngineTest.assertMistake(CommandLineRun.of("logits", "-m", model(), "--tokens", ""), "--tokens");
        EngineTest.assertMistake(CommandLineRun.of("logits", "-m", model()), "--tokens");
    }
}
