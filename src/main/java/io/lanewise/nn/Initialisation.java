package io.lanewise.nn;

import io.lanewise.autograd.Variable;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Recipes for the first values of parameters. Norm weights are 1 and biases of norms 0 in both. */
public enum Initialisation {
    /**
     * As GPT-2 and nanoGPT: matrices and tables from a normal distribution of deviation 0.02, those that write to the
     * residual stream 0.02/√(2·nLayers); biases 0.
     */
    NANO_GPT,
    /**
     * As PyTorch's modules: matrices and their biases uniform within ±1/√in; q, k and v uniform within ±√(6/(in + out))
     * of all three together, their biases and that of the attention's output 0; tables of deviation 1.
     */
    TORCH;

    void fill(Variable parameter, NetworkConfig config, SplittableRandom random) {
        String name = parameter.name();
        boolean isNorm = name.contains("_norm.");
        boolean isBias = name.endsWith(".bias");
        if (isNorm) {
            constant(parameter, isBias ? 0f : 1f);
        } else if (this == NANO_GPT) {
            boolean residual = name.contains("attn_output.") || name.contains("ffn_down.");
            double deviation = residual ? 0.02 / Math.sqrt(2 * Math.max(1, config.nLayers())) : 0.02;
            if (isBias) {
                constant(parameter, 0f);
            } else {
                normal(parameter, deviation, random);
            }
        } else {
            torch(parameter, config, random);
        }
    }

    private static void torch(Variable parameter, NetworkConfig config, SplittableRandom random) {
        String name = parameter.name();
        boolean isBias = name.endsWith(".bias");
        boolean inProjection = name.contains("attn_q") || name.contains("attn_k") || name.contains("attn_v");
        int in = name.contains("ffn_down.") ? config.ffnDim()
                : name.contains("attn_output.") ? config.nHeads() * config.headDim() : config.dim();
        if (name.contains("_embd.")) {
            normal(parameter, 1, random);
        } else if (isBias && (inProjection || name.contains("attn_output."))) {
            constant(parameter, 0f);
        } else if (inProjection) {
            int out = (config.nHeads() + 2 * config.nKvHeads()) * config.headDim();
            uniform(parameter, Math.sqrt(6.0 / (in + out)), random);
        } else {
            uniform(parameter, 1 / Math.sqrt(in), random);
        }
    }

    private static void constant(Variable parameter, float value) {
        MemorySegment data = parameter.value().segment();
        for (long i = 0; i < parameter.shape().elements(); i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
    }

    private static void normal(Variable parameter, double deviation, SplittableRandom random) {
        MemorySegment data = parameter.value().segment();
        for (long i = 0; i < parameter.shape().elements(); i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (deviation * random.nextGaussian()));
        }
    }

    private static void uniform(Variable parameter, double bound, SplittableRandom random) {
        MemorySegment data = parameter.value().segment();
        for (long i = 0; i < parameter.shape().elements(); i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (bound * (2 * random.nextDouble() - 1)));
        }
    }
}
