package io.lanewise.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lanewise.format.Checkpoint;
import io.lanewise.generate.VocabularyReader;
import io.lanewise.kernels.WeightCodec;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.TensorSource;
import io.lanewise.tokenizer.Tokenizer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SynthCommandTest {
    @TempDir
    Path temp;

    private Path synth(String name, String... more) {
        Path out = temp.resolve(name);
        String[] args = Stream.concat(Stream.of("synth", "--out", out.toString()), Stream.of(more)).toArray(String[]::new);
        CommandLineRun run = CommandLineRun.of(args);
        assertThat(run.err()).contains(name);
        assertThat(run.exit()).isZero();
        assertThat(run.out()).isEmpty();
        return out;
    }

    @Test
    void theSmallestShapeHasTheTensorsAndKeysOfTheRealFile() {
        try (Checkpoint file = Checkpoint.open(synth("tiny.gguf", "--shape", "stories-260k", "--type", "F32"))) {
            assertThat(file.metadata().string("general.architecture")).isEqualTo("llama");
            assertThat(file.metadata().integer("llama.block_count")).isEqualTo(5);
            assertThat(file.metadata().integer("llama.attention.head_count_kv")).isEqualTo(4);
            assertThat(file.tensors()).hasSize(48);
            assertThat(file.tensor("blk.4.ffn_down.weight").shape()).isEqualTo(Shape.of(64, 172));
            assertThat(file.tensor("token_embd.weight").dtype()).isEqualTo(DType.F32);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_1", "IQ4_NL", "MXFP4"})
    void weightsKeepTheSizeOfActivations(String type) {
        try (Checkpoint file = Checkpoint.open(synth("w.gguf", "--shape", "stories-260k", "--type", type))) {
            TensorSource weight = file.tensor("blk.0.ffn_gate.weight");
            double squares = 0;
            for (float value : floats(weight)) {
                squares += value * value;
            }
            double deviation = Math.sqrt(squares / weight.shape().elements());

            assertThat(weight.dtype()).isEqualTo(DType.valueOf(type));
            assertThat(deviation * Math.sqrt(64)).isBetween(0.9, 1.1);
        }
    }

    private static float[] floats(TensorSource tensor) {
        long elements = tensor.shape().elements();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment floats = arena.allocate(elements * Float.BYTES);
            WeightCodec.require(tensor.dtype()).decode(tensor.map().segment(), 0, floats, 0, elements);
            return floats.toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    @Test
    void rowsThatAreNoWholeSuperBlocksGetASmallerBlock() {
        try (Checkpoint file = Checkpoint.open(synth("k.gguf", "--shape", "stories-260k", "--type", "q4_k"))) {
            assertThat(file.tensor("blk.0.ffn_gate.weight").dtype()).isEqualTo(DType.Q5_0);
            assertThat(file.tensor("blk.0.ffn_down.weight").dtype()).isEqualTo(DType.F16);
            assertThat(file.tensor("blk.0.ffn_norm.weight").dtype()).isEqualTo(DType.F32);
        }
    }

    @Test
    void theSameSeedGivesTheSameBytesAndAnotherDoesNot() throws IOException {
        Path first = synth("a.gguf", "--shape", "stories-260k");

        assertThat(Files.mismatch(first, synth("b.gguf", "--shape", "stories-260k", "--seed", "1"))).isEqualTo(-1);
        assertThat(Files.mismatch(first, synth("c.gguf", "--shape", "stories-260k", "--seed", "2"))).isPositive();
    }

    @Test
    void fewerLayersMakeAShorterModelWithATokenizerThatSpellsAnything() {
        try (Checkpoint file = Checkpoint.open(synth("t.gguf", "--shape", "stories-260k", "--layers", "1"))) {
            Tokenizer tokenizer = VocabularyReader.tokenizer(file);
            String text = "Once upon a time, \u00e9\u4e2d\ud83d\ude00";

            assertThat(file.metadata().integer("llama.block_count")).isEqualTo(1);
            assertThat(file.find("blk.1.attn_q.weight")).isEmpty();
            assertThat(tokenizer.vocabSize()).isEqualTo(512);
            assertThat(tokenizer.decode(tokenizer.encode(text, true, false))).isEqualTo(text);
        }
    }

    @Test
    void theLlama3ShapeDividesLowFrequenciesByThirtyTwoAndKeepsHighOnes() {
        float[] factors = ModelShape.of("llama-3.2-1b").ropeFactors();

        assertThat(factors).hasSize(32);
        assertThat(factors[0]).isEqualTo(1f);
        assertThat(factors[31]).isEqualTo(32f);
        assertThat(factors).isSorted();
    }

    @Test
    void anInterruptedRunLeavesNoFile() throws IOException {
        Path target = temp.resolve("half.gguf");

        assertThatThrownBy(() -> SynthModel.write(ModelShape.of("stories-260k"), DType.F16, 1, target, share -> {
            if (share > 0.5) {
                throw new IllegalStateException("interrupted");
            }
        })).hasMessage("interrupted");

        try (Stream<Path> left = Files.list(temp)) {
            assertThat(left).isEmpty();
        }
    }
}
