package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
    @TempDir
    Path temp;

    @Test
    void aRealFileIsSummedUp() {
        Path model = SharedData.require("models/stories260K/stories260K.F32.gguf");

        CommandLineRun run = CommandLineRun.of("inspect", model.toString(), "--tensors");

        assertThat(run.exit()).isZero();
        assertThat(run.err()).isEmpty();
        assertThat(run.out().lines()).contains(
                "architecture  llama",
                "parameters    292,800",
                "  F32         48 tensors, 1.1 MiB",
                "metadata      18 keys",
                "  llama.block_count                       u32                5",
                "  tokenizer.ggml.tokens                   arr[str, 512]      [\"<unk>\",\"<s>\",\"</s>\",\"<0x00>\",…]",
                "  blk.0.ffn_gate.weight     F32      [172, 64]          43.0 KiB");
    }

    @Test
    void jsonHoldsEverything() {
        Path model = temp.resolve("m.gguf");
        CommandLineRun.of("synth", "--shape", "stories-260k", "--layers", "1", "--out", model.toString());

        CommandLineRun run = CommandLineRun.of("inspect", model.toString(), "--json");

        assertThat(run.out()).startsWith("{\"file\":").hasLineCount(1)
                .contains("\"architecture\":\"llama\"", "\"llama.embedding_length\":64",
                        "{\"name\":\"output_norm.weight\",\"type\":\"F32\",\"shape\":[64],\"bytes\":256}");
    }
}
