package io.lanewise.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import io.lanewise.format.Checkpoint;
import io.lanewise.model.LatentState.Form;
import io.lanewise.model.ModelConfig.LatentConfig;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Latent attention on the small models of the shared data. */
class LatentAttentionTest {
    private static final int TOKENS = 200;

    private static float[] residuals(Decoder decoder, Form form, DType kvType, int batch) {
        int[] tokens = new Random(4).ints(TOKENS, 0, decoder.config().vocabSize()).toArray();
        int dim = decoder.config().dim();
        float[] all = new float[TOKENS * dim];
        try (DecoderState state = decoder.newState(256, batch, kvType)) {
            state.latent.form = form;
            for (int from = 0; from < TOKENS; from += batch) {
                int rows = Math.min(batch, TOKENS - from);
                decoder.forward(state, tokens, from, rows);
                Tensor x = state.x.slice(0, 0, rows);
                System.arraycopy(x.toFloatArray(), 0, all, from * dim, rows * dim);
            }
        }
        return all;
    }

    private static double relativeError(float[] actual, float[] expected) {
        double error = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            error += Math.pow((double) actual[i] - expected[i], 2);
            norm += Math.pow(expected[i], 2);
        }
        return Math.sqrt(error / norm);
    }

    @ParameterizedTest
    @ValueSource(strings = {"deepseek2-lite", "deepseek2-lite-old", "deepseek2-v3", "deepseek2-lite-q.Q8_0"})
    void naiveAndAbsorbedAgreeInAnyBatch(String name) {
        try (ComputePool pool = new ComputePool(2);
                Checkpoint checkpoint = Checkpoint.open(SharedData.require("golden/families/" + name + ".gguf"));
                Decoder decoder = Decoder.load(checkpoint, pool)) {
            for (DType kvType : new DType[] {DType.F32, DType.F16}) {
                // Layers after the first feel that a last bit may decide how F16 rounds.
                double bound = kvType == DType.F32 ? 1e-5 : 1e-3;
                float[] expected = residuals(decoder, Form.ABSORBED, kvType, 1);
                for (int batch : new int[] {1, 7, 33}) {
                    for (Form form : Form.values()) {
                        assertThat(relativeError(residuals(decoder, form, kvType, batch), expected))
                                .as("%s, cache %s, %s in batches of %d", name, kvType, form, batch).isLessThan(bound);
                    }
                }
                assertThat(relativeError(residuals(decoder, Form.CHEAPER, kvType, 150), expected)).isLessThan(bound);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"F32, 4", "F16, 2"})
    void theCacheHoldsOneLatentAndTheTurningPartOfOneKeyAPositionAndLayer(DType kvType, int bytes) {
        try (ComputePool pool = new ComputePool(1);
                Checkpoint checkpoint = Checkpoint.open(SharedData.require("golden/families/deepseek2-v3.gguf"));
                Decoder decoder = Decoder.load(checkpoint, pool)) {
            LatentConfig shape = decoder.config().latent();
            for (int positions : new int[] {64, 100, 512}) {
                try (DecoderState state = decoder.newState(positions, 8, kvType)) {
                    long rounded = (positions + 63) / 64 * 64L;
                    assertThat(state.cache().byteSize()).isEqualTo(
                            (shape.kvLoraRank() + shape.qkRopeHeadDim()) * decoder.config().nLayers() * rounded * bytes);
                }
            }
        }
    }

    @Test
    void theFormIsTheCheaperOne() {
        try (ComputePool pool = new ComputePool(1);
                Checkpoint checkpoint = Checkpoint.open(SharedData.require("golden/families/deepseek2-lite.gguf"));
                Decoder decoder = Decoder.load(checkpoint, pool);
                DecoderState state = decoder.newState(512, 100, DType.F32)) {
            // A pair costs 80 naively and 144 absorbed; moving a position costs 4096, so 64 rows pay for it.
            assertThat(state.latent.naiveIsCheaper(0, 1)).isFalse();
            assertThat(state.latent.naiveIsCheaper(400, 1)).isFalse();
            assertThat(state.latent.naiveIsCheaper(0, 48)).isTrue();
            assertThat(state.latent.naiveIsCheaper(400, 16)).isFalse();
            assertThat(state.latent.naiveIsCheaper(400, 100)).isTrue();
        }
    }
}
