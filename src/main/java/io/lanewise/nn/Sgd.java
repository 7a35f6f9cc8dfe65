package io.lanewise.nn;

import io.lanewise.autograd.Variable;
import io.lanewise.kernels.OptimizerKernels;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.StageBody;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Stochastic gradient descent with momentum: m = momentum·m + g, w = w·(1 - learningRate·weightDecay) - learningRate·m. */
public final class Sgd implements Optimizer {
    private final ParameterChunks chunks;
    private final float momentum;
    private final double weightDecay;
    private final boolean[] decays;
    private final List<Variable> state = new ArrayList<>();
    private final MemorySegment[] velocities;
    private final StageBody stage = this::updateChunks;
    private long steps;
    private float gradScale;
    private float keep;
    private float learningRate;

    /** Momentum 0 is plain SGD; decay falls on matrices only. Velocities come from {@code arena}. */
    public Sgd(ComputePool pool, Arena arena, List<Variable> parameters, double momentum, double weightDecay) {
        if (!(momentum >= 0 && momentum < 1 && weightDecay >= 0)) {
            throw new IllegalArgumentException(
                    "SGD: expected momentum in [0, 1) and decay >= 0, got " + momentum + ", " + weightDecay);
        }
        this.chunks = new ParameterChunks(pool, parameters);
        this.momentum = (float) momentum;
        this.weightDecay = weightDecay;
        this.decays = new boolean[parameters.size()];
        this.velocities = new MemorySegment[parameters.size()];
        for (int i = 0; i < velocities.length; i++) {
            Variable parameter = parameters.get(i);
            decays[i] = parameter.shape().rank() >= 2;
            Variable velocity = Variable.input(arena, "sgd_m." + parameter.name(), parameter.shape().toArray());
            state.add(velocity);
            velocities[i] = velocity.value().segment();
        }
    }

    @Override
    public void step(double rate, double scale) {
        steps++;
        gradScale = (float) scale;
        learningRate = (float) rate;
        keep = (float) (1 - rate * weightDecay);
        chunks.run(stage);
    }

    private void updateChunks(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            int p = chunks.parameter[i];
            OptimizerKernels.sgd(chunks.values[p], chunks.grads[p], velocities[p], chunks.offset[i], chunks.length[i],
                    gradScale, momentum, decays[p] ? keep : 1f, learningRate);
        }
    }

    @Override
    public List<Variable> parameters() {
        return chunks.variables();
    }

    @Override
    public long steps() {
        return steps;
    }

    @Override
    public void resumeAt(long stepsDone) {
        steps = stepsDone;
    }

    @Override
    public List<Variable> state() {
        return List.copyOf(state);
    }
}
