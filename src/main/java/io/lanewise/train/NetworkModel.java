package io.lanewise.train;

import io.lanewise.autograd.Tape;
import io.lanewise.autograd.Variable;
import io.lanewise.nn.GradientNorm;
import io.lanewise.nn.Network;
import io.lanewise.nn.NetworkConfig;
import io.lanewise.nn.Optimizer;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A network on a tape with an optimiser for the parameters that learn. */
final class NetworkModel implements TrainableModel {
    private final Network network;
    private final Optimizer optimizer;
    private final GradientNorm gradientNorm;
    private final double clip;
    private final Arena arena;
    private final ComputePool pool;
    private final Tape tape;
    /** Single sequences go on a tape of their own, so that training does not record afresh behind them. */
    private Tape sampling;
    private int[] sampleIds;

    /** Takes over arena and pool, which it closes. */
    NetworkModel(Network network, Optimizer optimizer, double clip, boolean recompute, Arena arena, ComputePool pool) {
        this.network = network;
        this.optimizer = optimizer;
        this.gradientNorm = new GradientNorm(pool, optimizer.parameters());
        this.clip = clip;
        this.arena = arena;
        this.pool = pool;
        this.tape = new Tape(pool).recompute(recompute);
    }

    @Override
    public NetworkConfig config() {
        return network.config();
    }

    /** Native memory of activations and their gradients. */
    long tapeBytes() {
        return tape.byteSize();
    }

    @Override
    public double forwardBackward(TokenBatch batch, double lossScale, long dropoutSeed) {
        tape.begin().seed(dropoutSeed);
        Variable loss = meanLoss(batch);
        int targets = batch.countTargets();
        if (targets > 0) {
            tape.backward(loss, (float) (targets * lossScale));
        }
        return (double) loss.item() * targets;
    }

    @Override
    public double loss(TokenBatch batch) {
        tape.beginNoGrad();
        return (double) meanLoss(batch).item() * batch.countTargets();
    }

    private Variable meanLoss(TokenBatch batch) {
        return network.loss(tape, batch.ids(), batch.targets(), batch.rows(), batch.seqLen());
    }

    @Override
    public double update(double learningRate) {
        double norm = gradientNorm.measure();
        if (Double.isFinite(norm)) {
            optimizer.step(learningRate, clip > 0 ? GradientNorm.clipScale(norm, clip) : 1);
        }
        optimizer.zeroGrad();
        return norm;
    }

    @Override
    public void logits(int[] ids, float[] logits) {
        if (sampling == null) {
            sampling = new Tape(pool);
            sampleIds = new int[config().context()];
        }
        // Always as many positions, so that the tape runs again what it has; the mask hides those behind the last.
        Arrays.fill(sampleIds, 0);
        System.arraycopy(ids, 0, sampleIds, 0, ids.length);
        Variable all = network.logits(sampling.beginNoGrad(), sampleIds, 1, sampleIds.length);
        MemorySegment.copy(all.value().segment(), ValueLayout.JAVA_FLOAT_UNALIGNED,
                (long) (ids.length - 1) * logits.length * Float.BYTES, logits, 0, logits.length);
    }

    @Override
    public Map<String, Tensor> weights() {
        return values(network.parameters());
    }

    @Override
    public Map<String, Tensor> learning() {
        return values(optimizer.parameters());
    }

    @Override
    public Map<String, Tensor> optimizerState() {
        return values(optimizer.state());
    }

    private static Map<String, Tensor> values(List<Variable> variables) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        variables.forEach(variable -> tensors.put(variable.name(), variable.value()));
        return tensors;
    }

    @Override
    public void resumeAt(long steps) {
        optimizer.resumeAt(steps);
    }

    @Override
    public void close() {
        tape.close();
        if (sampling != null) {
            sampling.close();
        }
        arena.close();
        pool.close();
    }
}
