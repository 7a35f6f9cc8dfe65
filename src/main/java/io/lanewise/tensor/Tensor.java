package io.lanewise.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A typed, shaped view of a native memory segment. A tensor owns nothing: its memory lives as long as the {@link Arena}
 * that it came from, and after that arena is closed every access throws {@link IllegalStateException}. Views share
 * memory with the tensor that they were taken from.
 *
 * <p>Elements are little-endian. Strides count elements; the innermost axis of a quantised type is dense and whole
 * blocks long.
 */
public final class Tensor {
    /** Alignment of every tensor that this class allocates: a cache line, and a vector of 512 bits. */
    public static final long ALIGNMENT = 64;

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final DType dtype;
    private final Shape shape;
    private final long[] strides;
    private final MemorySegment segment;

    private Tensor(DType dtype, Shape shape, long[] strides, MemorySegment segment) {
        this.dtype = dtype;
        this.shape = shape;
        this.strides = strides;
        this.segment = segment;
    }

    /** A dense tensor of zeros, aligned to {@link #ALIGNMENT}, that lives as long as {@code arena}. */
    public static Tensor allocate(Arena arena, DType dtype, Shape shape) {
        long bytes = rowAlignedBytes(dtype, shape);
        return new Tensor(dtype, shape, shape.denseStrides(), arena.allocate(bytes, ALIGNMENT));
    }

    /** A dense F32 tensor of zeros of these extents, outermost first. */
    public static Tensor allocate(Arena arena, long... dims) {
        return allocate(arena, DType.F32, Shape.of(dims));
    }

    /**
     * A dense tensor over the first bytes of {@code segment}, which may be mapped, read-only or misaligned.
     *
     * @throws IllegalArgumentException if the segment is a heap segment or too short, or rows are not whole blocks
     */
    public static Tensor of(MemorySegment segment, DType dtype, Shape shape) {
        if (!segment.isNative()) {
            throw new IllegalArgumentException("tensor " + dtype + " " + shape + ": expected a native segment, got heap");
        }
        long bytes = rowAlignedBytes(dtype, shape);
        if (segment.byteSize() < bytes) {
            throw new IllegalArgumentException("tensor " + dtype + " " + shape + " needs " + bytes
                    + " bytes, the segment has " + segment.byteSize());
        }
        return new Tensor(dtype, shape, shape.denseStrides(), segment.asSlice(0, bytes));
    }

    private static long rowAlignedBytes(DType dtype, Shape shape) {
        if (shape.rank() > 0 && shape.dim(-1) % dtype.blockLength() != 0) {
            throw new IllegalArgumentException("tensor " + dtype + " " + shape + ": rows of " + shape.dim(-1)
                    + " are not whole blocks of " + dtype.blockLength());
        }
        return dtype.byteSize(shape.elements());
    }

    public DType dtype() {
        return dtype;
    }

    public Shape shape() {
        return shape;
    }

    /** The memory of this view, from its first element on. */
    public MemorySegment segment() {
        return segment;
    }

    /** Elements from one index of {@code axis} to the next; negative axes count from the innermost. */
    public long stride(int axis) {
        return strides[axis < 0 ? strides.length + axis : axis];
    }

    /** Whether the elements lie without gaps in row-major order. */
    public boolean isDense() {
        return Arrays.equals(strides, shape.denseStrides());
    }

    /** Bytes of the view's elements, without any gaps between them. */
    public long byteSize() {
        return dtype.byteSize(shape.elements());
    }

    /**
     * The view of indices {@code from} (inclusive) to {@code to} (exclusive) of an axis.
     *
     * @throws IndexOutOfBoundsException if the range leaves the axis
     * @throws IllegalArgumentException if it cuts a block of a quantised type
     */
    public Tensor slice(int axis, long from, long to) {
        int a = axis < 0 ? shape.rank() + axis : axis;
        if (a < 0 || a >= shape.rank()) {
            throw new IndexOutOfBoundsException("slice: axis " + axis + " of shape " + shape);
        }
        if (from < 0 || to < from || to > shape.dim(a)) {
            throw new IndexOutOfBoundsException(
                    "slice: [" + from + ", " + to + ") of axis " + axis + " of shape " + shape);
        }
        long[] dims = shape.toArray();
        dims[a] = to - from;
        long skipped = dtype.byteSize(from * strides[a]);
        Shape sliced = Shape.of(dims);
        return new Tensor(dtype, sliced, strides, segment.asSlice(skipped, extentBytes(sliced)));
    }

    /** Bytes from the first element of a view with these extents to the end of its last element. */
    private long extentBytes(Shape view) {
        if (view.elements() == 0) {
            return 0;
        }
        long last = view.rank() == 0 ? 1 : view.dim(-1);
        for (int axis = 0; axis < view.rank() - 1; axis++) {
            last += (view.dim(axis) - 1) * strides[axis];
        }
        return dtype.byteSize(last);
    }

    /** Row {@code index} of the outermost axis, with one axis fewer. */
    public Tensor row(long index) {
        Tensor slice = slice(0, index, index + 1);
        long[] dims = shape.toArray();
        return new Tensor(dtype, Shape.of(Arrays.copyOfRange(dims, 1, dims.length)),
                Arrays.copyOfRange(strides, 1, strides.length), slice.segment);
    }

    /**
     * The same elements under other extents.
     *
     * @throws IllegalArgumentException if the view has gaps or the number of elements differs
     */
    public Tensor reshape(long... dims) {
        Shape other = Shape.of(dims);
        if (!isDense() || other.elements() != shape.elements()) {
            throw new IllegalArgumentException("reshape: " + (isDense() ? "" : "strided ") + shape + " to " + other);
        }
        return of(segment, dtype, other);
    }

    /** An F32 element. @throws IndexOutOfBoundsException outside the shape; IllegalStateException for other types */
    public float get(long... index) {
        return segment.get(FLOAT, floatOffset(index));
    }

    /** Sets an F32 element; errors as {@link #get}. */
    public void set(float value, long... index) {
        segment.set(FLOAT, floatOffset(index), value);
    }

    private long floatOffset(long[] index) {
        requireF32();
        if (index.length != shape.rank()) {
            throw new IndexOutOfBoundsException("index " + Arrays.toString(index) + " of shape " + shape);
        }
        long offset = 0;
        for (int axis = 0; axis < index.length; axis++) {
            if (index[axis] < 0 || index[axis] >= shape.dim(axis)) {
                throw new IndexOutOfBoundsException("index " + Arrays.toString(index) + " of shape " + shape);
            }
            offset += index[axis] * strides[axis];
        }
        return offset * Float.BYTES;
    }

    /** Copies {@code values} over a dense F32 tensor of as many elements; returns this. */
    public Tensor copyFrom(float... values) {
        requireDenseF32("copyFrom", values.length);
        MemorySegment.copy(values, 0, segment, FLOAT, 0, values.length);
        return this;
    }

    /** The elements of a dense F32 tensor in row-major order. */
    public float[] toFloatArray() {
        requireDenseF32("toFloatArray", shape.elements());
        return segment.toArray(FLOAT);
    }

    private void requireDenseF32(String operation, long elements) {
        requireF32();
        if (!isDense() || elements != shape.elements()) {
            throw new IllegalArgumentException(operation + ": " + elements + " elements, tensor is "
                    + (isDense() ? "" : "strided ") + shape);
        }
    }

    private void requireF32() {
        if (dtype != DType.F32) {
            throw new IllegalStateException("expected an F32 tensor, got " + dtype + " " + shape);
        }
    }

    /** As {@code F32 [4, 64]}. */
    @Override
    public String toString() {
        return dtype + " " + shape;
    }
}
