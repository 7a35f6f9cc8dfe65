package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.format.Checkpoint;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.TensorSource;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuantizeCommandTest {
    @TempDir
    Path temp;
    private Path in;
    private Path out;

    @BeforeEach
    void makeInput() {
        in = temp.resolve("in.gguf");
        out = temp.resolve("out.gguf");
        CommandLineRun.of("synth", "--shape", "stories-260k", "--type", "F32", "--layers", "2", "--out", in.toString());
    }

    @Test
    void matricesChangeTheirTypeAndAllElseStays() {
        CommandLineRun run = CommandLineRun.of("quantize", in.toString(), out.toString(), "--type", "Q8_0");

        assertThat(run.exit()).isZero();
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains("out.gguf").hasLineCount(1);
        try (Checkpoint before = Checkpoint.open(in); Checkpoint after = Checkpoint.open(out)) {
            assertThat(after.metadata().keys()).isEqualTo(before.metadata().keys());
            assertThat(after.metadata().integer("general.file_type")).isEqualTo(7);
            assertThat(after.metadata().strings("tokenizer.ggml.tokens"))
                    .isEqualTo(before.metadata().strings("tokenizer.ggml.tokens"));
            assertThat(after.tensors().stream().map(TensorSource::name))
                    .containsExactlyElementsOf(before.tensors().stream().map(TensorSource::name).toList());
            assertThat(after.tensor("blk.1.attn_q.weight").dtype()).isEqualTo(DType.Q8_0);
            assertThat(after.tensor("blk.1.attn_norm.weight").map().toFloatArray())
                    .isEqualTo(before.tensor("blk.1.attn_norm.weight").map().toFloatArray());
        }
    }

    @Test
    void mistakesAreNamed() {
        EngineTest.assertMistake(CommandLineRun.of("quantize", in.toString(), out.toString()), "--type");
        EngineTest.assertMistake(CommandLineRun.of("quantize", in.toString(), out.toString(), "--type", "Q9"), "Q9",
                "Q4_K");
        EngineTest.assertMistake(CommandLineRun.of("quantize", in.toString(), in.toString(), "--type", "Q8_0"), "input");
        EngineTest.assertMistake(CommandLineRun.of("quantize", temp.resolve("no.gguf").toString(), out.toString(),
                "--type", "Q8_0"), "no.gguf");
    }
}
