package io.lanewise.nn;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.kernels.RopeScaling;
import io.lanewise.kernels.RopeTable;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A trainable transformer. Its parameters have the names of GGUF files; their memory lives as long as the arena.
 * Parameters start as zeros: call {@link #initialise}, or fill them.
 */
public final class Network {
    /** Targets of this value do not count in {@link #loss}. */
    public static final int IGNORE = -1;

    private final NetworkConfig config;
    private final Variable tokens;
    private final Variable positions;
    private final List<TransformerBlock> blocks = new ArrayList<>();
    private final TrainableNorm outputNorm;
    private final Projection output;
    private final Map<String, Variable> byName = new LinkedHashMap<>();

    public Network(Arena arena, NetworkConfig config) {
        this.config = config;
        boolean hasVocabulary = config.vocabSize() > 0;
        tokens = hasVocabulary ? Variable.parameter(arena, "token_embd.weight", config.vocabSize(), config.dim()) : null;
        positions = switch (config.positions()) {
            case LEARNED -> Variable.parameter(arena, "position_embd.weight", config.context(), config.dim());
            case SINUSOIDAL -> sinusoids(arena, config.context(), config.dim());
            case NONE, ROTARY -> null;
        };
        RopeTable rope = config.positions() == Positions.ROTARY
                ? new RopeTable(config.ropeStyle(), config.headDim(), config.ropeBase(), RopeScaling.none())
                : null;
        for (int layer = 0; layer < config.nLayers(); layer++) {
            blocks.add(new TransformerBlock(arena, config, layer, rope));
        }
        outputNorm = config.finalNorm() ? new TrainableNorm(arena, "output_norm", config) : null;
        output = hasVocabulary && !config.tiedHead()
                ? new Projection(arena, "output", config.vocabSize(), config.dim(), config.headBias())
                : null;
        for (Variable parameter : collect()) {
            byName.put(parameter.name(), parameter);
        }
    }

    /** sin and cos of position / 10000^(2i/dim), in turns (Vaswani et al. 2017). */
    private static Variable sinusoids(Arena arena, int context, int dim) {
        Variable table = Variable.input(arena, "position_embd.fixed", context, dim);
        Tensor value = table.value();
        for (int t = 0; t < context; t++) {
            for (int i = 0; i < dim; i++) {
                double angle = t * Math.pow(10_000, -(double) (i - i % 2) / dim);
                value.set((float) (i % 2 == 0 ? Math.sin(angle) : Math.cos(angle)), t, i);
            }
        }
        return table;
    }

    private List<Variable> collect() {
        List<Variable> all = new ArrayList<>();
        if (tokens != null) {
            all.add(tokens);
        }
        if (config.positions() == Positions.LEARNED) {
            all.add(positions);
        }
        for (TransformerBlock block : blocks) {
            block.addTo(all);
        }
        if (outputNorm != null) {
            outputNorm.addTo(all);
        }
        if (output != null) {
            output.addTo(all);
        }
        return all;
    }

    public NetworkConfig config() {
        return config;
    }

    /** All parameters in the order of the network. */
    public List<Variable> parameters() {
        return List.copyOf(byName.values());
    }

    /** The parameter of this name. @throws IllegalArgumentException if there is none */
    public Variable parameter(String name) {
        Variable found = byName.get(name);
        if (found == null) {
            throw new IllegalArgumentException("network: no parameter '" + name + "', there are " + byName.keySet());
        }
        return found;
    }

    /** Elements of all parameters; a tied head counts once. */
    public long parameterCount() {
        return byName.values().stream().mapToLong(parameter -> parameter.shape().elements()).sum();
    }

    /** Fills all parameters by a recipe; the same seed gives the same values. Returns this. */
    public Network initialise(long seed, Initialisation recipe) {
        SplittableRandom random = new SplittableRandom(seed);
        for (Variable parameter : byName.values()) {
            recipe.fill(parameter, config, random);
        }
        return this;
    }

    /** Freezes or thaws all parameters. */
    public void requireGrad(boolean required) {
        if (tokens != null) {
            tokens.requireGrad(required);
        }
        if (config.positions() == Positions.LEARNED) {
            positions.requireGrad(required);
        }
        blocks.forEach(block -> block.requireGrad(required));
        if (outputNorm != null) {
            outputNorm.requireGrad(required);
        }
        if (output != null) {
            output.requireGrad(required);
        }
    }

    /**
     * Freezes all parameters and puts low-rank adapters beside some matrices of every block (LoRA): W + alpha / rank · B A.
     *
     * @param targets kinds of matrices as files name them: {@code attn_q}, {@code ffn_down}
     * @return the factors A [rank, in] and B [out, rank], named after their matrix with {@code .lora_a} and {@code .lora_b}
     * @throws IllegalArgumentException if a target is no matrix of the blocks
     */
    public List<Variable> adapt(Arena arena, int rank, double alpha, List<String> targets, long seed) {
        for (String target : targets) {
            if (!byName.containsKey("blk.0." + target + ".weight")) {
                throw new IllegalArgumentException("adapt: the blocks have no matrix " + target);
            }
        }
        requireGrad(false);
        SplittableRandom random = new SplittableRandom(seed);
        List<Variable> factors = new ArrayList<>();
        for (TransformerBlock block : blocks) {
            block.adapt(name -> targets.contains(name.replaceFirst("^blk\\.\\d+\\.", "").replaceFirst("\\.weight$", "")),
                    weight -> LowRank.of(arena, weight, rank, alpha / rank, random), factors);
        }
        return factors;
    }

    /** The last residual stream, normed if the network has a final norm: [batch, seqLen, dim] of ids [batch·seqLen]. */
    public Variable hidden(Tape tape, int[] ids, int batch, int seqLen) {
        if (tokens == null) {
            throw new IllegalStateException("hidden: a network without vocabulary takes embedded input, see blocks");
        }
        return blocks(tape, tape.embedding(tokens, ids, batch, seqLen));
    }

    /** From embedded input x [batch, seqLen, dim]: positions, dropout, all blocks, final norm. */
    public Variable blocks(Tape tape, Variable x) {
        Variable z = positions == null ? x : tape.addPositions(x, positions);
        z = tape.dropout(z, config.dropout());
        for (TransformerBlock block : blocks) {
            z = block.apply(tape, z);
        }
        return outputNorm == null ? z : outputNorm.apply(tape, z);
    }

    /** [batch, seqLen, vocabSize] of ids [batch·seqLen]. */
    public Variable logits(Tape tape, int[] ids, int batch, int seqLen) {
        Variable hidden = hidden(tape, ids, batch, seqLen);
        return output != null ? output.apply(tape, hidden) : tape.linear(hidden, tokens, null);
    }

    /** Mean cross-entropy of targets [batch·seqLen], those of {@link #IGNORE} left out; a scalar. */
    public Variable loss(Tape tape, int[] ids, int[] targets, int batch, int seqLen) {
        return tape.crossEntropy(logits(tape, ids, batch, seqLen), targets, IGNORE);
    }
}
