package io.lanewise.autograd;

import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A dense off-heap FP32 tensor and its gradient. Parameters own both for as long as their arena lives; activations are
 * lent by a {@link Tape} until its next {@link Tape#begin}.
 *
 * <p>{@link #zeroGrad} writes nothing: it marks the gradient, and the next rule that would add to it overwrites it
 * instead. That saves a pass of zeros and a read of every gradient a step.
 */
public final class Variable {
    private final String name;
    private final Tensor value;
    private final MemorySegment data;
    /** Rows of one block of memory with names of their own, as q, k and v of one projection. */
    private final List<Variable> parts;
    private Tensor grad;
    private MemorySegment gradData;
    private boolean requiresGrad;
    private boolean zeroed;

    private Variable(String name, Tensor value, Tensor grad, boolean requiresGrad, List<Variable> parts) {
        this.name = name;
        this.value = value;
        this.data = value.segment();
        this.parts = parts;
        this.requiresGrad = requiresGrad;
        setGrad(grad);
    }

    /** A trainable tensor of zeros with these extents, its gradient zero. */
    public static Variable parameter(Arena arena, String name, long... dims) {
        Tensor value = Tensor.allocate(arena, dims);
        Tensor grad = Tensor.allocate(arena, dims);
        Variable made = new Variable(name, value, grad, true, List.of());
        made.zeroed = true;
        return made;
    }

    /**
     * Trainable matrices with the same number of columns that lie one below the other, so that one product serves them
     * all: {@link #parts} has them by name, the stack itself is what operations use.
     *
     * @param rows of each part
     * @param columns of all; 0 for vectors
     */
    public static Variable stacked(Arena arena, String name, List<String> names, int[] rows, int columns) {
        long total = 0;
        for (int count : rows) {
            total += count;
        }
        long[] dims = columns == 0 ? new long[] {total} : new long[] {total, columns};
        Tensor value = Tensor.allocate(arena, dims);
        Tensor grad = Tensor.allocate(arena, dims);
        List<Variable> parts = new ArrayList<>();
        long from = 0;
        for (int i = 0; i < rows.length; i++) {
            Variable part = new Variable(names.get(i), value.slice(0, from, from + rows[i]),
                    grad.slice(0, from, from + rows[i]), true, List.of());
            part.zeroed = true;
            parts.add(part);
            from += rows[i];
        }
        return new Variable(name, value, grad, true, List.copyOf(parts));
    }

    /** A tensor of zeros without gradient, for data: the caller fills {@link #value}. */
    public static Variable input(Arena arena, String name, long... dims) {
        return new Variable(name, Tensor.allocate(arena, dims), null, false, List.of());
    }

    /** The result of an operation; its gradient is set when a backward pass is planned. */
    static Variable activation(Tensor value, boolean requiresGrad) {
        return new Variable("", value, null, requiresGrad, List.of());
    }

    public String name() {
        return name;
    }

    public Shape shape() {
        return value.shape();
    }

    /** The elements, shared. */
    public Tensor value() {
        return value;
    }

    /**
     * The gradient of a parameter, shared.
     *
     * @throws IllegalStateException for inputs and for results of operations, whose gradients lend their memory on
     */
    public Tensor grad() {
        if (grad == null || !isParameter()) {
            throw new IllegalStateException("grad of '" + name + "' " + shape() + ": only parameters have one to read");
        }
        settle();
        return grad;
    }

    /** Whether backward passes compute a gradient for this. */
    public boolean requiresGrad() {
        return requiresGrad;
    }

    /** Freezes or thaws a parameter, and its parts. Takes effect where a tape next records an operation afresh. */
    public void requireGrad(boolean required) {
        if (required && grad == null) {
            throw new IllegalStateException("requireGrad: '" + name + "' was made without a gradient");
        }
        requiresGrad = required;
        parts.forEach(part -> part.requireGrad(required));
    }

    /** Makes the gradient zero. */
    public void zeroGrad() {
        if (parts.isEmpty()) {
            zeroed = grad != null;
        }
        for (Variable part : parts) {
            part.zeroGrad();
        }
    }

    /** The named parts of a stack; none of an ordinary variable. */
    public List<Variable> parts() {
        return parts;
    }

    /** The one element of a scalar. */
    public float item() {
        if (shape().elements() != 1) {
            throw new IllegalStateException("item: expected one element, got shape " + shape());
        }
        return value.segment().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
    }

    @Override
    public String toString() {
        return name + " " + shape();
    }

    MemorySegment data() {
        return data;
    }

    MemorySegment gradData() {
        return gradData;
    }

    void setGrad(Tensor gradient) {
        grad = gradient;
        gradData = gradient == null ? null : gradient.segment();
    }

    boolean isParameter() {
        return !name.isEmpty();
    }

    /** For a rule about to write the gradient of a parameter: whether it must add to what is there. */
    boolean claimAccumulation() {
        if (parts.isEmpty()) {
            boolean fresh = zeroed;
            zeroed = false;
            return !fresh;
        }
        boolean fresh = true;
        for (Variable part : parts) {
            fresh &= part.zeroed;
        }
        if (!fresh) {
            settle();
        }
        for (Variable part : parts) {
            part.zeroed = false;
        }
        return !fresh;
    }

    /** Writes the zeros that {@link #zeroGrad} promised, where no rule has overwritten them. */
    void settle() {
        if (zeroed) {
            zeroed = false;
            gradData.fill((byte) 0);
        }
        for (Variable part : parts) {
            part.settle();
        }
    }
}
