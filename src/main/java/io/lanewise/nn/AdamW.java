package io.lanewise.nn;

import io.lanewise.autograd.Variable;
import io.lanewise.kernels.OptimizerKernels;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.StageBody;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Adam with bias correction and decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019): w = w·(1 -
 * learningRate·weightDecay) - learningRate·m̂ / (√v̂ + eps).
 */
public final class AdamW implements Optimizer {
    /**
     * @param beta1 share of the old mean of gradients
     * @param beta2 share of the old mean of their squares
     * @param eps added to the root
     * @param weightDecay a step's decay is the learning rate times this; 0 gives plain Adam
     */
    public record Options(double beta1, double beta2, double eps, double weightDecay) {
        public Options {
            if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && eps > 0 && weightDecay >= 0)) {
                throw new IllegalArgumentException("AdamW: expected betas in [0, 1), eps > 0 and decay >= 0, got " + beta1
                        + ", " + beta2 + ", " + eps + ", " + weightDecay);
            }
        }
    }

    private final ParameterChunks chunks;
    private final Options options;
    private final boolean[] decays;
    private final List<Variable> state = new ArrayList<>();
    private final MemorySegment[] means;
    private final MemorySegment[] squares;
    private final StageBody stage = this::updateChunks;
    private long steps;
    private float gradScale;
    private float keep;
    private float stepSize;
    private float rootScale;

    /** Decays matrices only: no norms, no biases. Moments come from {@code arena}. */
    public AdamW(ComputePool pool, Arena arena, List<Variable> parameters, Options options) {
        this(pool, arena, parameters, options, parameter -> parameter.shape().rank() >= 2);
    }

    /** Decays what {@code decays} says. */
    public AdamW(ComputePool pool, Arena arena, List<Variable> parameters, Options options, Predicate<Variable> decays) {
        this.chunks = new ParameterChunks(pool, parameters);
        this.options = options;
        this.decays = new boolean[parameters.size()];
        this.means = new MemorySegment[parameters.size()];
        this.squares = new MemorySegment[parameters.size()];
        for (int i = 0; i < means.length; i++) {
            Variable parameter = parameters.get(i);
            this.decays[i] = decays.test(parameter);
            means[i] = remember(arena, "adam_m.", parameter);
            squares[i] = remember(arena, "adam_v.", parameter);
        }
    }

    private MemorySegment remember(Arena arena, String prefix, Variable parameter) {
        Variable moment = Variable.input(arena, prefix + parameter.name(), parameter.shape().toArray());
        state.add(moment);
        return moment.value().segment();
    }

    @Override
    public void step(double learningRate, double scale) {
        steps++;
        gradScale = (float) scale;
        keep = (float) (1 - learningRate * options.weightDecay());
        stepSize = (float) (learningRate / (1 - Math.pow(options.beta1(), steps)));
        rootScale = (float) (1 / Math.sqrt(1 - Math.pow(options.beta2(), steps)));
        chunks.run(stage);
    }

    private void updateChunks(int from, int to, int worker) {
        for (int i = from; i < to; i++) {
            int p = chunks.parameter[i];
            OptimizerKernels.adamW(chunks.values[p], chunks.grads[p], means[p], squares[p], chunks.offset[i],
                    chunks.length[i], gradScale, (float) options.beta1(), (float) (1 - options.beta1()),
                    (float) options.beta2(), (float) (1 - options.beta2()), (float) options.eps(), decays[p] ? keep : 1f,
                    stepSize, rootScale);
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
