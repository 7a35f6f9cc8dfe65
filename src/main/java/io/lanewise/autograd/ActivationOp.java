package io.lanewise.autograd;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.ActivationBackward;
import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;
import java.lang.foreign.MemorySegment;

/** {@link Rule#ACTIVATION}. */
final class ActivationOp extends Operation {
    private final Activation act;
    private final int width;
    private final int rows;
    private final StageBody forwardStage = this::forwardRows;
    private final StageBody backwardStage = this::backwardRows;
    private boolean adds;
    /** Where this rule's share of the gradient goes: to its place, or first to scratch. */
    private MemorySegment own;

    ActivationOp(Tape tape, Variable x, Activation act) {
        super(tape, Rule.ACTIVATION, x);
        this.act = act;
        this.width = width(x);
        this.rows = rows(x, width);
        makeOutput(x.shape());
    }

    boolean matches(Activation other) {
        return act == other;
    }

    @Override
    boolean inPlace(int i) {
        return true;
    }

    @Override
    void forward() {
        parallelRows(rows, 2L * width, forwardStage);
    }

    private void forwardRows(int from, int to, int worker) {
        long at = (long) from * width;
        ActivationBackward.forward(act, x(0), at, y(), at, (to - from) * width);
    }

    @Override
    void backward() {
        adds = adds(0);
        own = adds ? tape.scratch().floats((long) rows * width) : dX(0);
        parallelRows(rows, 3L * width, backwardStage);
    }

    private void backwardRows(int from, int to, int worker) {
        long at = (long) from * width;
        int n = (to - from) * width;
        ActivationBackward.backward(act, x(0), at, dY(), at, own, at, n);
        if (adds) {
            Elementwise.add(dX(0), at, own, at, dX(0), at, n);
        }
    }
}
