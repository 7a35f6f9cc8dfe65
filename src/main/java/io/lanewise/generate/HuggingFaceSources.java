package io.lanewise.generate;

import io.lanewise.kernels.WeightCodec;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.LongUnaryOperator;

/** Tensors of a file in another order, shape or name: read piece by piece like those that they stand for. */
final class HuggingFaceSources {
    private HuggingFaceSources() {}

    /** Numbers that stand in no file: F32 [n]. */
    static TensorSource ofNumbers(String name, float[] numbers) {
        Tensor tensor = Tensor.allocate(Arena.ofAuto(), numbers.length);
        MemorySegment.copy(numbers, 0, tensor.segment(), ValueLayout.JAVA_FLOAT, 0, numbers.length);
        return new InMemory(name, tensor);
    }

    /** Gemma's files hold what is added to 1. */
    static TensorSource plusOne(TensorSource source) {
        float[] numbers = new float[Math.toIntExact(source.shape().elements())];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(source.dtype().byteSize(numbers.length), 64);
            source.read(0, bytes);
            MemorySegment floats = arena.allocate(4L * numbers.length, 64);
            WeightCodec.require(source.dtype()).decode(bytes, 0, floats, 0, numbers.length);
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = 1 + floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            }
        }
        return ofNumbers(source.name(), numbers);
    }

    /** The same numbers under another name and shape. */
    static TensorSource as(String name, Shape shape, TensorSource source) {
        return new Renamed(name, shape, source);
    }

    /**
     * Rows in another order.
     *
     * @param rowOf which row of the source each row is
     */
    static TensorSource reordered(TensorSource source, LongUnaryOperator rowOf) {
        return new Reordered(source, rowOf);
    }

    /** A matrix [out, in] of one [in, out]. @param source of a type without blocks */
    static TensorSource turned(TensorSource source) {
        return new Turned(source, source.map());
    }

    /** Matrices of one type and shape as one [n, rows, columns]. */
    static TensorSource stacked(String name, List<TensorSource> parts) {
        return new Stacked(name, parts);
    }

    private static Tensor readWhole(TensorSource source) {
        MemorySegment all = Arena.ofAuto().allocate(source.dtype().byteSize(source.shape().elements()), Tensor.ALIGNMENT);
        source.read(0, all);
        return Tensor.of(all, source.dtype(), source.shape());
    }

    private record InMemory(String name, Tensor tensor) implements TensorSource {
        @Override
        public DType dtype() {
            return tensor.dtype();
        }

        @Override
        public Shape shape() {
            return tensor.shape();
        }

        @Override
        public Tensor map() {
            return tensor;
        }

        @Override
        public void read(long offset, MemorySegment target) {
            target.copyFrom(tensor.segment().asSlice(offset, target.byteSize()));
        }
    }

    private record Renamed(String name, Shape shape, TensorSource source) implements TensorSource {
        @Override
        public DType dtype() {
            return source.dtype();
        }

        @Override
        public Tensor map() {
            return Tensor.of(source.map().segment(), dtype(), shape);
        }

        @Override
        public void read(long offset, MemorySegment target) {
            source.read(offset, target);
        }
    }

    private record Reordered(TensorSource source, LongUnaryOperator rowOf) implements TensorSource {
        @Override
        public String name() {
            return source.name();
        }

        @Override
        public DType dtype() {
            return source.dtype();
        }

        @Override
        public Shape shape() {
            return source.shape();
        }

        @Override
        public Tensor map() {
            return readWhole(this);
        }

        @Override
        public void read(long offset, MemorySegment target) {
            long rowBytes = dtype().byteSize(shape().elements() / shape().dim(0));
            long end = offset + target.byteSize();
            for (long at = offset; at < end; ) {
                long inRow = at % rowBytes;
                long length = Math.min(rowBytes - inRow, end - at);
                long from = rowOf.applyAsLong(at / rowBytes);
                source.read(from * rowBytes + inRow, target.asSlice(at - offset, length));
                at += length;
            }
        }
    }

    /** Reads from the mapped file, since a row here is spread over all rows there. */
    private record Turned(TensorSource source, Tensor mapped) implements TensorSource {
        @Override
        public String name() {
            return source.name();
        }

        @Override
        public DType dtype() {
            return source.dtype();
        }

        @Override
        public Shape shape() {
            return Shape.of(source.shape().dim(1), source.shape().dim(0));
        }

        @Override
        public Tensor map() {
            return readWhole(this);
        }

        @Override
        public void read(long offset, MemorySegment target) {
            int size = dtype().blockBytes();
            long rows = shape().dim(0);
            long columns = shape().dim(1);
            MemorySegment theirs = mapped.segment();
            long first = offset / size;
            long count = target.byteSize() / size;
            for (long i = 0; i < count; i++) {
                long from = ((first + i) % columns * rows + (first + i) / columns) * size;
                MemorySegment.copy(theirs, from, target, i * size, size);
            }
        }
    }

    private record Stacked(String name, List<TensorSource> parts) implements TensorSource {
        @Override
        public DType dtype() {
            return parts.getFirst().dtype();
        }

        @Override
        public Shape shape() {
            Shape part = parts.getFirst().shape();
            return Shape.of(parts.size(), part.dim(0), part.dim(1));
        }

        @Override
        public Tensor map() {
            return readWhole(this);
        }

        @Override
        public void read(long offset, MemorySegment target) {
            long partBytes = dtype().byteSize(parts.getFirst().shape().elements());
            for (long done = 0; done < target.byteSize(); ) {
                long within = (offset + done) % partBytes;
                long length = Math.min(partBytes - within, target.byteSize() - done);
                TensorSource part = parts.get(Math.toIntExact((offset + done) / partBytes));
                part.read(within, target.asSlice(done, length));
                done += length;
            }
        }
    }
}
