package io.lanewise.autograd;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.ActivationBackward;
import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;
import io.lanewise.tensor.Shape;
import java.lang.foreign.MemorySegment;

/** {@link Rule#GATED}. */
final class GatedOp extends Operation {
    private final Activation act;
    private final int ffnDim;
    private final int rows;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;
    private boolean adds;
    /** Where this rule's share of the gradient goes: to its place, or first to scratch. */
    private MemorySegment own;

    GatedOp(Tape tape, Variable gateUp, Activation act) {
        super(tape, Rule.GATED, gateUp);
        require(width(gateUp) % 2 == 0, rule, "gate and up side by side [.., 2*ffnDim]", gateUp);
        this.act = act;
        this.ffnDim = width(gateUp) / 2;
        this.rows = rows(gateUp, 2 * ffnDim);
        long[] dims = gateUp.shape().toArray();
        dims[dims.length - 1] = ffnDim;
        makeOutput(Shape.of(dims));
    }

    boolean matches(Activation other) {
        return act == other;
    }

    @Override
    void forward() {
        parallelRows(rows, 2L * ffnDim, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long gate = 2L * row * ffnDim;
            ActivationBackward.gatedForward(act, x(0), gate, gate + ffnDim, y(), (long) row * ffnDim, ffnDim);
        }
    }

    @Override
    void backward() {
        adds = adds(0);
        own = adds ? tape.scratch().floats(2L * rows * ffnDim) : dX(0);
        parallelRows(rows, 5L * ffnDim, backwardStage);
    }

    private void backwardRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long gate = 2L * row * ffnDim;
            ActivationBackward.gatedBackward(act, x(0), gate, gate + ffnDim, dY(), (long) row * ffnDim, own, gate,
                    gate + ffnDim, ffnDim);
            if (adds) {
                Elementwise.add(dX(0), gate, own, gate, dX(0), gate, 2 * ffnDim);
            }
        }
    }
}
