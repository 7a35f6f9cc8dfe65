package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizeCommandTest {
    @TempDir
    Path temp;
    private String model;

    @BeforeEach
    void findModel() {
        model = SharedData.require("models/stories260K/stories260K.F32.gguf").toString();
    }

    @Test
    void textComesFromAnOptionAFileOrStdin() throws Exception {
        Path file = Files.writeString(temp.resolve("text"), "Once upon a time");
        String ids = "1 403 407 261 378\n";

        assertThat(CommandLineRun.of("tokenize", "-m", model, "--text", "Once upon a time").out()).isEqualTo(ids);
        assertThat(CommandLineRun.of("tokenize", "-m", model, "--file", file.toString()).out()).isEqualTo(ids);
        assertThat(CommandLineRun.withInput("Once upon a time", "tokenize", "-m", model).out()).isEqualTo(ids);
    }

    @Test
    void withoutSpecialTokensTheTextAloneIsEncoded() {
        assertThat(CommandLineRun.of("tokenize", "-m", model, "--no-special", "--text", "Once upon a time").out())
                .isEqualTo("403 407 261 378\n");
    }

    @Test
    void idsBecomeText() {
        assertThat(CommandLineRun.of("tokenize", "-m", model, "--decode", "403,407 261, 378").out())
                .isEqualTo("Once upon a time\n");
    }

    @Test
    void jsonNamesThePieces() {
        assertThat(CommandLineRun.of("tokenize", "-m", model, "--json", "--text", "Once").out())
                .isEqualTo("{\"tokens\":[1,403],\"pieces\":[\"<s>\",\"\u2581Once\"]}\n");
    }

    @Test
    void idsOutsideTheVocabularyAreRefused() {
        EngineTest.assertMistake(CommandLineRun.of("tokenize", "-m", model, "--decode", "1,512"), "--decode", "0 to 511",
                "'512'");
        EngineTest.assertMistake(CommandLineRun.of("tokenize", "-m", model, "--decode", "1;2"), "--decode", "'1;2'");
        EngineTest.assertMistake(CommandLineRun.of("tokenize", "-m", model, "--decode", " "), "--decode");
        EngineTest.assertMistake(CommandLineRun.of("tokenize", "-m", model, "--decode", "1", "--text", "x"), "--text");
    }
}
