package io.lanewise.kernels;

import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Converts tensors to another type while they are being written, in pieces that all threads share. */
public final class Quantizer {
    /** Elements a piece, whole blocks of every type: 256 KiB of floats, which stay in the second-level cache. */
    private static final int PIECE = 1 << 16;

    private Quantizer() {}

    /** Whether {@link #convert} can make {@code to} of {@code from}. */
    public static boolean supports(DType from, DType to) {
        return from == to || (WeightCodec.of(from).isPresent() && WeightCodec.of(to).filter(WeightCodec::encodes)
                .isPresent());
    }

    /**
     * The type that a tensor gets where {@code wanted} was asked for: F32 for vectors and scalars (norms and biases);
     * where rows are not whole super-blocks, the type with blocks of 32 that llama.cpp falls back on, of about as many
     * bits; where they are not whole blocks of that either, F16.
     */
    public static DType typeFor(DType wanted, Shape shape) {
        if (shape.rank() < 2) {
            return DType.F32;
        }
        if (shape.dim(-1) % wanted.blockLength() == 0) {
            return wanted;
        }
        DType smaller = switch (wanted) {
            case Q2_K, Q3_K, IQ4_XS -> DType.IQ4_NL;
            case Q4_K -> DType.Q5_0;
            case Q5_K -> DType.Q5_1;
            case Q6_K -> DType.Q8_0;
            default -> DType.F16;
        };
        return shape.dim(-1) % smaller.blockLength() == 0 ? smaller : DType.F16;
    }

    /**
     * {@code source} as a tensor of type {@code to}, computed when read: {@link TensorSource#read} gives any range of
     * its bytes, in parallel, and holds a few pieces in memory. {@link TensorSource#map} converts all of it.
     *
     * @throws IllegalArgumentException if one of the types has no codec or rows are not whole blocks of {@code to};
     *     reading throws it, with the tensor's name, for numbers that {@code to} cannot hold
     */
    public static TensorSource convert(ComputePool pool, TensorSource source, DType to) {
        if (source.dtype() == to) {
            return source;
        }
        if (!supports(source.dtype(), to)) {
            throw new IllegalArgumentException(
                    "tensor " + source.name() + ": cannot convert " + source.dtype() + " to " + to);
        }
        Shape shape = source.shape();
        if (shape.rank() > 0 && shape.dim(-1) % to.blockLength() != 0) {
            throw new IllegalArgumentException("tensor " + source.name() + " " + shape + ": rows of " + shape.dim(-1)
                    + " are not whole blocks of " + to.blockLength() + ", which " + to + " needs");
        }
        return new Converted(pool, source, to);
    }

    private record Converted(ComputePool pool, TensorSource source, DType dtype) implements TensorSource {
        @Override
        public String name() {
            return source.name();
        }

        @Override
        public Shape shape() {
            return source.shape();
        }

        @Override
        public Tensor map() {
            MemorySegment all = Arena.ofAuto().allocate(dtype.byteSize(shape().elements()), Tensor.ALIGNMENT);
            read(0, all);
            return Tensor.of(all, dtype, shape());
        }

        @Override
        public void read(long offset, MemorySegment target) {
            long end = offset + target.byteSize();
            if (offset < 0 || end > dtype.byteSize(shape().elements())) {
                throw new IndexOutOfBoundsException("tensor " + name() + ": bytes [" + offset + ", " + end + ") of "
                        + dtype.byteSize(shape().elements()));
            }
            int block = dtype.blockBytes();
            // Threads of the pool may touch the target, and it starts and ends with a block: convert in place.
            if (offset % block == 0 && end % block == 0 && target.isAccessibleBy(new Thread())) {
                convert(offset / block, end / block, target);
                return;
            }
            long first = offset / block;
            long last = (end + block - 1) / block;
            try (Arena arena = Arena.ofShared()) {
                MemorySegment blocks = arena.allocate((last - first) * block);
                convert(first, last, blocks);
                target.copyFrom(blocks.asSlice(offset - first * block, target.byteSize()));
            }
        }

        /** Blocks {@code first} to {@code last} (exclusive) into {@code target}. */
        private void convert(long first, long last, MemorySegment target) {
            long from = first * dtype.blockLength();
            long to = last * dtype.blockLength();
            long firstPiece = from / PIECE;
            int pieces = Math.toIntExact((to + PIECE - 1) / PIECE - firstPiece);
            pool.parallelFor(pieces, 1, (begin, end, worker) -> {
                for (int i = begin; i < end; i++) {
                    long start = (firstPiece + i) * PIECE;
                    convertPiece(Math.max(from, start), Math.min(to, start + PIECE), from, target);
                }
            });
        }

        /** Elements {@code begin} to {@code end}, of which {@code from} is the first in target. */
        private void convertPiece(long begin, long end, long from, MemorySegment target) {
            DType sourceType = source.dtype();
            int wide = sourceType.blockLength();
            long wideBegin = begin / wide * wide;
            long wideEnd = (end + wide - 1) / wide * wide;
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment bytes = arena.allocate(sourceType.byteSize(wideEnd - wideBegin), 64);
                source.read(sourceType.byteSize(wideBegin), bytes);
                MemorySegment floats = arena.allocate((wideEnd - wideBegin) * Float.BYTES, 64);
                WeightCodec.require(sourceType).decode(bytes, 0, floats, 0, wideEnd - wideBegin);
                WeightCodec.require(dtype).encode(floats, begin - wideBegin, target, dtype.byteSize(begin - from),
                        end - begin);
            } catch (IllegalArgumentException unfit) {
                throw new IllegalArgumentException("tensor " + name() + ", counted from element " + wideBegin + ": "
                        + unfit.getMessage(), unfit);
            }
        }
    }
}
