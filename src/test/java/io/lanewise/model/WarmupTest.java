package io.lanewise.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.lanewise.SharedData;
import io.lanewise.format.Checkpoint;
import io.lanewise.kernels.PackedMatrix;
import io.lanewise.tensor.DType;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WarmupTest {
    private static final String STORIES = "models/stories260K/stories260K.F32.gguf";

    private static ModelConfig config(Checkpoint checkpoint) {
        Keys keys = new Keys(checkpoint);
        return Family.ALL.get(keys.architecture()).config(keys);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aRoundRunsTheKernelsOfEveryType(int rounds) {
        Set<DType> types = EnumSet.noneOf(DType.class);
        Arrays.stream(DType.values()).filter(PackedMatrix::supports).forEach(types::add);
        assertThat(types).contains(DType.F32, DType.Q8_0, DType.Q4_K);

        try (Checkpoint checkpoint = Checkpoint.open(SharedData.require(STORIES));
                WarmupKernels round = new WarmupKernels(config(checkpoint), types)) {
            for (int i = 0; i < rounds; i++) {
                assertThatCode(() -> round.parts().forEach(Runnable::run)).doesNotThrowAnyException();
            }
        }
    }

    @Test
    void smallModelsAreNotWarmedUp() {
        try (Checkpoint checkpoint = Checkpoint.open(SharedData.require(STORIES))) {
            assertThat(Warmup.begin(checkpoint, null)).isSameAs(Warmup.begin(checkpoint, null));
        }
    }
}
