package io.lanewise.tensor;

import java.util.Arrays;

/** The extents of a tensor, outermost first: a weight matrix is {@code [out, in]}, and {@code in} lies contiguous. */
public final class Shape {
    private final long[] dims;
    private final long elements;

    private Shape(long[] dims) {
        this.dims = dims;
        long product = 1;
        for (long dim : dims) {
            if (dim < 0) {
                throw new IllegalArgumentException("shape " + Arrays.toString(dims) + " has a negative extent");
            }
            product = multiply(product, dim, dims);
        }
        this.elements = product;
    }

    private static long multiply(long product, long dim, long[] dims) {
        try {
            return Math.multiplyExact(product, dim);
        } catch (ArithmeticException overflow) {
            throw new IllegalArgumentException("shape " + Arrays.toString(dims) + " has more than 2^63 elements");
        }
    }

    /**
     * A shape of these extents, outermost first; none for a scalar.
     *
     * @throws IllegalArgumentException on a negative extent or more than 2^63 - 1 elements
     */
    public static Shape of(long... dims) {
        return new Shape(dims.clone());
    }

    /** Number of axes. */
    public int rank() {
        return dims.length;
    }

    /** Extent of an axis; negative axes count from the innermost, so {@code dim(-1)} is the row length. */
    public long dim(int axis) {
        return dims[axis < 0 ? dims.length + axis : axis];
    }

    /** Extent of an axis as an int. @throws ArithmeticException if it does not fit */
    public int size(int axis) {
        return Math.toIntExact(dim(axis));
    }

    /** Product of all extents; 1 for a scalar. */
    public long elements() {
        return elements;
    }

    /** The extents, a copy. */
    public long[] toArray() {
        return dims.clone();
    }

    /** Strides in elements of a dense row-major tensor of this shape. */
    public long[] denseStrides() {
        long[] strides = new long[dims.length];
        long stride = 1;
        for (int axis = dims.length - 1; axis >= 0; axis--) {
            strides[axis] = stride;
            stride *= Math.max(1, dims[axis]);
        }
        return strides;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(dims, shape.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /** As {@code [2048, 1536]}. */
    @Override
    public String toString() {
        return Arrays.toString(dims);
    }
}
