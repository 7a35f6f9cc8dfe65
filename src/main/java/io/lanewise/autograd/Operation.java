package io.lanewise.autograd;

import io.lanewise.kernels.Elementwise;
import io.lanewise.parallel.StageBody;
import io.lanewise.tensor.Shape;
import java.lang.foreign.MemorySegment;

/**
 * One recorded operation: its inputs, its result and its gradient rule. A tape keeps operations by their position and
 * runs them again step after step as long as position, inputs and settings are the same, so a steady step makes no
 * objects.
 */
abstract class Operation {
    final Tape tape;
    final Rule rule;
    final Variable[] inputs;
    /** Where the slab stood before this operation took memory. */
    final Slab.Mark mark;
    /** Whether the result lies in memory that stretches share. */
    final boolean inStretch;
    /** Where that memory stood when this had taken its part. */
    Slab.Mark sharedEnd;
    Variable output;
    /** Set when a backward pass is planned: whether the gradient of input i is added to. */
    final boolean[] accumulate;

    Operation(Tape tape, Rule rule, Variable... inputs) {
        this.tape = tape;
        this.rule = rule;
        this.inputs = inputs;
        this.accumulate = new boolean[inputs.length];
        this.mark = tape.forgetTheRest();
        this.inStretch = tape.inStretch();
    }

    /** Takes memory for the result; every operation's constructor calls it once. */
    final void makeOutput(Shape shape) {
        boolean required = false;
        for (Variable input : inputs) {
            required |= input != null && input.requiresGrad();
        }
        output = Variable.activation(tape.tensor(shape), required);
    }

    /** Whether the inputs need gradients as they did when this was recorded. */
    final boolean stillCurrent() {
        boolean required = false;
        for (Variable input : inputs) {
            required |= input != null && input.requiresGrad();
        }
        return required == output.requiresGrad();
    }

    abstract void forward();

    /** Writes or adds the gradients of all inputs that need one, from that of the result. */
    abstract void backward();

    /** Whether the gradient of input {@code i} is a function of the result's, element by element, and may take its place. */
    boolean inPlace(int i) {
        return false;
    }

    final boolean needsGrad(int i) {
        return inputs[i] != null && inputs[i].requiresGrad();
    }

    /** The gradient of input {@code i}, or null if it needs none. */
    final MemorySegment dX(int i) {
        return needsGrad(i) ? inputs[i].gradData() : null;
    }

    /** Whether the rule must add to {@link #dX}; asked once for each input of each backward pass. */
    final boolean adds(int i) {
        return inputs[i].isParameter() ? inputs[i].claimAccumulation() : accumulate[i];
    }

    final MemorySegment x(int i) {
        return inputs[i].data();
    }

    final MemorySegment y() {
        return output.data();
    }

    final MemorySegment dY() {
        return output.gradData();
    }

    /** Rows of a tensor whose last axis is {@code width}. */
    static int rows(Variable x, int width) {
        return Math.toIntExact(x.shape().elements() / Math.max(1, width));
    }

    /** Extent of the last axis. */
    static int width(Variable x) {
        return x.shape().rank() == 0 ? 1 : x.shape().size(-1);
    }

    /** Runs {@code body} over rows of about {@code rowWork} elements each. */
    final void parallelRows(int rows, long rowWork, StageBody body) {
        int enough = Math.clamp(MIN_CHUNK / Math.max(1, rowWork), 1, Integer.MAX_VALUE);
        int balanced = Math.ceilDiv(rows, CHUNKS_A_THREAD * tape.team().threads());
        tape.team().run(rows, Math.max(enough, balanced), body);
    }

    /** Elements that are worth a chunk of their own: a few microseconds. */
    private static final long MIN_CHUNK = 16_384;
    private static final int CHUNKS_A_THREAD = 8;

    private boolean adding;

    /** dX = dY or dX += dY for a rule that hands its gradient on as it is: nothing to do where they share memory. */
    final void passGradient(int i, int rows, int width, StageBody body) {
        adding = adds(i);
        if (adding || dX(i).address() != dY().address()) {
            parallelRows(rows, width, body);
        }
    }

    /** The rows of {@link #passGradient}. */
    final void passRows(int i, int from, int to, int width) {
        long at = (long) from * width;
        int n = Math.toIntExact((long) (to - from) * width);
        if (adding) {
            Elementwise.add(dX(i), at, dY(), at, dX(i), at, n);
        } else {
            Elementwise.copy(dY(), at, dX(i), at, n);
        }
    }

    static void require(boolean condition, Rule rule, String expected, Variable... got) {
        if (!condition) {
            StringBuilder shapes = new StringBuilder();
            for (Variable variable : got) {
                shapes.append(shapes.isEmpty() ? "" : ", ").append(variable == null ? "none" : variable.shape());
            }
            throw new IllegalArgumentException(rule + ": expected " + expected + ", got " + shapes);
        }
    }
}
