package io.lanewise.nn;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeTable;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;

/** A trainable transformer block: the classic one, Llama's, and what lies between, as {@link NetworkConfig} says. */
final class TransformerBlock {
    private final NetworkConfig config;
    private final RopeTable rope;
    private final TrainableNorm attnNorm;
    private final TrainableNorm ffnNorm;
    final Projection qkv;
    final Projection attnOutput;
    /** gate and up stacked where the layer is gated, else up. */
    final Projection up;
    final Projection down;

    TransformerBlock(Arena arena, NetworkConfig config, int layer, RopeTable rope) {
        this.config = config;
        this.rope = rope;
        String name = "blk." + layer + ".";
        attnNorm = new TrainableNorm(arena, name + (config.preNorm() ? "attn_norm" : "attn_output_norm"), config);
        ffnNorm = new TrainableNorm(arena, name + (config.preNorm() ? "ffn_norm" : "layer_output_norm"), config);
        int q = config.nHeads() * config.headDim();
        int kv = config.nKvHeads() * config.headDim();
        qkv = config.fusedQkv()
                ? new Projection(arena, name + "attn_qkv", q + 2 * kv, config.dim(), config.biases())
                : new Projection(arena, name + "attn_qkv", List.of(name + "attn_q", name + "attn_k", name + "attn_v"),
                        new int[] {q, kv, kv}, config.dim(), config.biases());
        attnOutput = new Projection(arena, name + "attn_output", config.dim(), q, config.biases());
        up = config.gated()
                ? new Projection(arena, name + "ffn_gate_up", List.of(name + "ffn_gate", name + "ffn_up"),
                        new int[] {config.ffnDim(), config.ffnDim()}, config.dim(), config.biases())
                : new Projection(arena, name + "ffn_up", config.ffnDim(), config.dim(), config.biases());
        down = new Projection(arena, name + "ffn_down", config.dim(), config.ffnDim(), config.biases());
    }

    /** The residual stream after this block from the one before it, both [batch, seqLen, dim]. */
    Variable apply(Tape tape, Variable z) {
        if (config.preNorm()) {
            Variable h = attention(tape, z);
            return feedForward(tape, h);
        }
        Variable h = attnNorm.apply(tape, attention(tape, z));
        return ffnNorm.apply(tape, feedForward(tape, h));
    }

    /** z + the attention of z, of its norm where norms come first. All but the sum may be made again by backward. */
    private Variable attention(Tape tape, Variable z) {
        tape.beginStretch();
        Variable x = config.preNorm() ? attnNorm.apply(tape, z) : z;
        Variable heads = qkv.apply(tape, x);
        if (rope != null) {
            heads = tape.rope(heads, rope, config.nHeads() + config.nKvHeads(), config.headDim());
        }
        Variable mixed = tape.attention(heads, config.nHeads(), config.nKvHeads(), config.headDim(), config.causal());
        tape.endStretch();
        return addTo(tape, attnOutput, mixed, z);
    }

    private Variable feedForward(Tape tape, Variable z) {
        tape.beginStretch();
        Variable x = config.preNorm() ? ffnNorm.apply(tape, z) : z;
        Variable inner;
        if (config.gated()) {
            inner = tape.gated(config.act(), up.apply(tape, x));
        } else if (config.act() == Activation.RELU || config.act() == Activation.NONE) {
            inner = up.apply(tape, x, config.act(), null);
        } else {
            inner = tape.activation(config.act(), up.apply(tape, x));
        }
        tape.endStretch();
        return addTo(tape, down, inner, z);
    }

    private Variable addTo(Tape tape, Projection projection, Variable x, Variable residual) {
        if (config.dropout() == 0) {
            return projection.apply(tape, x, Activation.NONE, residual);
        }
        return tape.add(residual, tape.dropout(projection.apply(tape, x), config.dropout()));
    }

    void addTo(List<Variable> parameters) {
        attnNorm.addTo(parameters);
        qkv.addTo(parameters);
        attnOutput.addTo(parameters);
        ffnNorm.addTo(parameters);
        up.addTo(parameters);
        down.addTo(parameters);
    }

    void adapt(Predicate<String> targeted, Function<Variable, LowRank> make, List<Variable> factors) {
        qkv.adapt(targeted, make, factors);
        attnOutput.adapt(targeted, make, factors);
        up.adapt(targeted, make, factors);
        down.adapt(targeted, make, factors);
    }

    void requireGrad(boolean required) {
        attnNorm.requireGrad(required);
        qkv.requireGrad(required);
        attnOutput.requireGrad(required);
        ffnNorm.requireGrad(required);
        up.requireGrad(required);
        down.requireGrad(required);
    }
}
