package io.lanewise.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.GgufWriter;
import io.lanewise.kernels.RopeStyle;
import io.lanewise.kernels.RopeTable;
import io.lanewise.model.ModelConfig.RopeConfig;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.function.DoubleBinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Angles as metadata asks for them, against the formulas of the papers in double precision. */
class RopeScalingKeysTest {
    private static final int HEAD_DIM = 64;
    private static final double BASE = 1_000_000;
    private static final int TRAINED = 4096;

    @TempDir
    Path folder;

    private final GgufWriter file = new GgufWriter().string("general.architecture", "llama")
            .uint32("llama.context_length", TRAINED).float32("llama.rope.freq_base", (float) BASE);

    private GgufWriter scaling(String type) {
        return file.string("llama.rope.scaling.type", type);
    }

    private RopeConfig read() {
        Path path = folder.resolve("rope.gguf");
        file.write(path);
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            return new Keys(checkpoint).rope(RopeStyle.HALF_SPLIT, HEAD_DIM);
        }
    }

    private void factors(String name, int count, float first) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = first + i;
        }
        file.tensor(name, DType.F32, Shape.of(count), (offset, chunk) -> MemorySegment.copy(
                MemorySegment.ofArray(values), offset, chunk, 0, chunk.byteSize()));
    }

    /** The frequency of a pair by the paper: base^(-2i/dim). */
    private static double plain(double base, double pair) {
        return Math.pow(base, -2 * pair / HEAD_DIM);
    }

    /** @param frequency of a pair, given the pair and its plain frequency */
    private static void check(RopeTable table, double magnitude, DoubleBinaryOperator frequency) {
        try (Arena arena = Arena.ofShared()) {
            Tensor row = Tensor.allocate(arena, table.rowLength());
            for (int position : new int[] {0, 1, 77, 5000, 100_000}) {
                table.fillRow(position, row.segment(), 0);
                for (int pair = 0; pair < HEAD_DIM / 2; pair++) {
                    double angle = position * frequency.applyAsDouble(pair, plain(BASE, pair));
                    assertThat((double) row.get(pair)).as("position %d, pair %d", position, pair)
                            .isCloseTo(magnitude * Math.cos(angle), within(1e-6));
                    assertThat((double) row.get(HEAD_DIM / 2 + pair))
                            .isCloseTo(magnitude * Math.sin(angle), within(1e-6));
                }
            }
        }
    }

    @Test
    void withoutKeysNothingIsScaled() {
        check(read().table(100_000), 1, (pair, plain) -> plain);
    }

    @Test
    void linearScalingIsAlsoThatOfAFactorWithoutAType() {
        scaling("linear").float32("llama.rope.scaling.factor", 4);
        check(read().table(1 << 17), 1, (pair, plain) -> plain / 4);
        GgufWriter older = new GgufWriter().string("general.architecture", "llama")
                .float32("llama.rope.freq_base", (float) BASE).float32("llama.rope.scale_linear", 2);
        Path path = folder.resolve("older.gguf");
        older.write(path);
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            check(new Keys(checkpoint).rope(RopeStyle.HALF_SPLIT, HEAD_DIM).table(64), 1, (pair, plain) -> plain / 2);
        }
    }

    @Test
    void aFactorOfZeroAndTheTypeNoneScaleNothing() {
        scaling("linear").float32("llama.rope.scaling.factor", 0);
        check(read().table(64), 1, (pair, plain) -> plain);
        scaling("none").float32("llama.rope.scaling.factor", 8);
        check(read().table(64), 1, (pair, plain) -> plain);
    }

    @Test
    void yarnMixesInterpolatedAndExtrapolatedAngles() {
        scaling("yarn").float32("llama.rope.scaling.factor", 4).uint32("llama.rope.scaling.original_context_length", 32_768);
        checkYarn(32_768, 4, 32, 1, 1);
        file.float32("llama.rope.scaling.yarn_beta_fast", 16).float32("llama.rope.scaling.yarn_beta_slow", 2)
                .float32("llama.rope.scaling.attn_factor", 0.5f);
        checkYarn(32_768, 4, 16, 2, 0.5);
    }

    @Test
    void yarnWithoutAnOriginalContextTakesTheTrainedOne() {
        scaling("yarn").float32("llama.rope.scaling.factor", 8);
        checkYarn(TRAINED, 8, 32, 1, 1);
    }

    /** Peng et al., 2023, section 3.2 and 3.4. */
    private void checkYarn(int original, double factor, double betaFast, double betaSlow, double attnFactor) {
        double low = Math.floor(pairOfTurns(original, betaFast));
        double high = Math.ceil(pairOfTurns(original, betaSlow));
        check(read().table(1 << 17), attnFactor * (0.1 * Math.log(factor) + 1), (pair, plain) -> {
            double interpolated = Math.clamp((pair - low) / (high - low), 0.0, 1.0);
            return plain / factor * interpolated + plain * (1 - interpolated);
        });
    }

    private static double pairOfTurns(int original, double turns) {
        return HEAD_DIM * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(BASE));
    }

    @Test
    void longRopeChoosesItsFactorsByTheLengthOfTheSession() {
        scaling("longrope").float32("llama.rope.scaling.attn_factor", 1.25f);
        factors("rope_factors_short.weight", HEAD_DIM / 2, 1);
        factors("rope_factors_long.weight", HEAD_DIM / 2, 3);
        RopeConfig rope = read();
        check(rope.table(TRAINED), 1.25, (pair, plain) -> plain / (1 + pair));
        check(rope.table(TRAINED + 1), 1.25, (pair, plain) -> plain / (3 + pair));
    }

    @Test
    void dynamicScalingStretchesTheBaseForSessionsBeyondTheTrainedContext() {
        scaling("dynamic").float32("llama.rope.scaling.factor", 2);
        RopeConfig rope = read();
        check(rope.table(TRAINED), 1, (pair, plain) -> plain);
        double stretched = BASE * Math.pow(2 * 4 - 1, HEAD_DIM / (HEAD_DIM - 2.0));
        check(rope.table(4 * TRAINED), 1, (pair, plain) -> plain(stretched, pair));
    }

    @Test
    void whatMakesNoRotationIsRefusedByName() {
        scaling("longrope");
        assertRefused("llama.rope.scaling.type: expected both tensors of LongRoPE, rope_factors_long.weight and"
                + " rope_factors_short.weight, got neither");
        scaling("spiral");
        assertRefused("llama.rope.scaling.type: expected none, linear, yarn, longrope or dynamic, got 'spiral'");
        scaling("linear").float32("llama.rope.scaling.factor", -2);
        assertRefused("llama.rope.scaling.factor: expected a number above 0, got -2.0");
        file.float32("llama.rope.freq_base", 1);
        assertRefused("llama.rope.freq_base: expected a number above 1, got 1.0");
        factors("rope_factors_long.weight", HEAD_DIM / 2, 0);
        file.float32("llama.rope.freq_base", 10_000).float32("llama.rope.scaling.factor", 2);
        assertRefused("tensor rope_factors_long.weight: expected numbers above 0, got 0.0");
    }

    private void assertRefused(String message) {
        assertThatThrownBy(this::read).isInstanceOf(FormatException.class).hasMessageEndingWith(message)
                .hasMessageContaining("rope.gguf");
    }
}
