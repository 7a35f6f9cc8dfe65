package io.lanewise.model;

import io.lanewise.kernels.RopeStyle;
import io.lanewise.nn.Normalization;

/**
 * Phi-3 and 3.5: fused matrices, LongRoPE. Its {@code attention.sliding_window} is not applied, as converted files give it
 * for models that were not trained with it too.
 */
final class PhiFamily {
    private PhiFamily() {}

    static ModelConfig phi3(Keys keys) {
        ConfigBuilder model = new ConfigBuilder(keys, Normalization.Kind.RMS, RopeStyle.HALF_SPLIT);
        model.fusedGateUp = true;
        return model.build();
    }
}
