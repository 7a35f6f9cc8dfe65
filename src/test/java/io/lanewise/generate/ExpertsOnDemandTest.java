package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.SharedData;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExpertsOnDemandTest {
    private static float[] logits(Path file, boolean onDemand) {
        try (Model model = Model.load(file, LoadOptions.DEFAULT.withThreads(2).withExpertsOnDemand(onDemand));
                Session session = model.newSession();
                Session other = model.newSession()) {
            other.prefill(new int[] {9});
            session.prefill(new int[] {1, 2, 3, 4, 5, 6, 7});
            session.decode(8);
            return session.logits().slice(0, 0, 1).toFloatArray();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-moe", "deepseek2-v3", "deepseek2-lite-q.Q8_0"})
    void expertsPackedWhenTheyAreChosenGiveTheSameLogits(String name) {
        Path file = SharedData.require("golden/families/" + name + ".gguf");
        assertThat(logits(file, true)).isEqualTo(logits(file, false));
    }
}
