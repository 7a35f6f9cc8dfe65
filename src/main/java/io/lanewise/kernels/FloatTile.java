package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The FP32 microkernel: c [rows, NR] = x [rows, depth] · tile [depth, NR], in registers from the first k to the last.
 * x lies as it came, row by row: a broadcast load costs the same from any address, so packing x would buy nothing (it
 * was measured at 250 GFLOP/s unpacked where the packed form reached 240). All offsets and strides count bytes.
 *
 * <p>Every element of c is one chain of fused multiply-adds over k, whatever the number of rows: a row's result does
 * not depend on its neighbours.
 *
 * <p>Why it only stores and never adds to c: with 24 more loads and adds C1 runs out of virtual registers, skips its
 * profiled compile, and a method that went through tier 2 first then stays there for ever, boxing every vector (1.5
 * GFLOP/s). Sums begin as one zero, since 24 of them take registers too. {@link Matmul} adds tiles of later k blocks in a pass
 * of its own, which costs under 1 %.
 */
final class FloatTile {
    /**
     * Vectors a row of the tile. With 32 vector registers 6 × 4 accumulators, 4 weights and 1 broadcast fit, and 24
     * chains cover 4 cycles of latency × 2 units three times over; 10 loads feed 24 multiply-adds. With 16 registers
     * (AVX2 and below) 6 × 2 fit.
     */
    static final int VECTORS = Lanes.BITS == 512 || System.getProperty("os.arch", "").equals("aarch64") ? 4 : 2;
    /** Columns of a tile: the output rows of a weight panel. */
    static final int NR = VECTORS * Lanes.FLOATS;
    /** Rows of a tile. */
    static final int MR = 6;

    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final int BYTES = Lanes.BITS / 8;
    private static final int STEP = VECTORS * BYTES;

    private FloatTile() {}

    /**
     * c [{@link #MR}, NR] = x [MR, depth] · w [depth, NR]. Where fewer rows are left, callers take those before once more:
     * every further height would be a second of C2's time, for a tile that hardly ever runs.
     *
     * @param xStride bytes from one row of x to the next
     * @param cStride bytes from one row of c to the next
     */
    static void multiply(MemorySegment x, long x0, long xStride, MemorySegment w, long w0, int depth,
            MemorySegment c, long c0, long cStride) {
        long x1 = x0 + xStride;
        long x2 = x1 + xStride;
        long x3 = x2 + xStride;
        long x4 = x3 + xStride;
        long x5 = x4 + xStride;
        FloatVector a00 = FloatVector.zero(FLOAT);
        FloatVector a01 = a00;
        FloatVector a02 = a00;
        FloatVector a03 = a00;
        FloatVector a10 = a00;
        FloatVector a11 = a00;
        FloatVector a12 = a00;
        FloatVector a13 = a00;
        FloatVector a20 = a00;
        FloatVector a21 = a00;
        FloatVector a22 = a00;
        FloatVector a23 = a00;
        FloatVector a30 = a00;
        FloatVector a31 = a00;
        FloatVector a32 = a00;
        FloatVector a33 = a00;
        FloatVector a40 = a00;
        FloatVector a41 = a00;
        FloatVector a42 = a00;
        FloatVector a43 = a00;
        FloatVector a50 = a00;
        FloatVector a51 = a00;
        FloatVector a52 = a00;
        FloatVector a53 = a00;
        for (int k = 0; k < depth; k++) {
            long xk = (long) k << 2;
            long wk = w0 + (long) k * STEP;
            FloatVector b0 = FloatVector.fromMemorySegment(FLOAT, w, wk, LITTLE_ENDIAN);
            FloatVector b1 = FloatVector.fromMemorySegment(FLOAT, w, wk + BYTES, LITTLE_ENDIAN);
            FloatVector v0 = FloatVector.broadcast(FLOAT, x.get(F32, x0 + xk));
            a00 = v0.fma(b0, a00);
            a01 = v0.fma(b1, a01);
            FloatVector v1 = FloatVector.broadcast(FLOAT, x.get(F32, x1 + xk));
            a10 = v1.fma(b0, a10);
            a11 = v1.fma(b1, a11);
            FloatVector v2 = FloatVector.broadcast(FLOAT, x.get(F32, x2 + xk));
            a20 = v2.fma(b0, a20);
            a21 = v2.fma(b1, a21);
            FloatVector v3 = FloatVector.broadcast(FLOAT, x.get(F32, x3 + xk));
            a30 = v3.fma(b0, a30);
            a31 = v3.fma(b1, a31);
            FloatVector v4 = FloatVector.broadcast(FLOAT, x.get(F32, x4 + xk));
            a40 = v4.fma(b0, a40);
            a41 = v4.fma(b1, a41);
            FloatVector v5 = FloatVector.broadcast(FLOAT, x.get(F32, x5 + xk));
            a50 = v5.fma(b0, a50);
            a51 = v5.fma(b1, a51);
            if (VECTORS == 4) {
                FloatVector b2 = FloatVector.fromMemorySegment(FLOAT, w, wk + 2 * BYTES, LITTLE_ENDIAN);
                FloatVector b3 = FloatVector.fromMemorySegment(FLOAT, w, wk + 3 * BYTES, LITTLE_ENDIAN);
                a02 = v0.fma(b2, a02);
                a03 = v0.fma(b3, a03);
                a12 = v1.fma(b2, a12);
                a13 = v1.fma(b3, a13);
                a22 = v2.fma(b2, a22);
                a23 = v2.fma(b3, a23);
                a32 = v3.fma(b2, a32);
                a33 = v3.fma(b3, a33);
                a42 = v4.fma(b2, a42);
                a43 = v4.fma(b3, a43);
                a52 = v5.fma(b2, a52);
                a53 = v5.fma(b3, a53);
            }
        }
        long c1 = c0 + cStride;
        long c2 = c1 + cStride;
        long c3 = c2 + cStride;
        long c4 = c3 + cStride;
        long c5 = c4 + cStride;
        a00.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        a01.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        a10.intoMemorySegment(c, c1, LITTLE_ENDIAN);
        a11.intoMemorySegment(c, c1 + BYTES, LITTLE_ENDIAN);
        a20.intoMemorySegment(c, c2, LITTLE_ENDIAN);
        a21.intoMemorySegment(c, c2 + BYTES, LITTLE_ENDIAN);
        a30.intoMemorySegment(c, c3, LITTLE_ENDIAN);
        a31.intoMemorySegment(c, c3 + BYTES, LITTLE_ENDIAN);
        a40.intoMemorySegment(c, c4, LITTLE_ENDIAN);
        a41.intoMemorySegment(c, c4 + BYTES, LITTLE_ENDIAN);
        a50.intoMemorySegment(c, c5, LITTLE_ENDIAN);
        a51.intoMemorySegment(c, c5 + BYTES, LITTLE_ENDIAN);
        if (VECTORS == 4) {
            a02.intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            a03.intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
            a12.intoMemorySegment(c, c1 + 2 * BYTES, LITTLE_ENDIAN);
            a13.intoMemorySegment(c, c1 + 3 * BYTES, LITTLE_ENDIAN);
            a22.intoMemorySegment(c, c2 + 2 * BYTES, LITTLE_ENDIAN);
            a23.intoMemorySegment(c, c2 + 3 * BYTES, LITTLE_ENDIAN);
            a32.intoMemorySegment(c, c3 + 2 * BYTES, LITTLE_ENDIAN);
            a33.intoMemorySegment(c, c3 + 3 * BYTES, LITTLE_ENDIAN);
            a42.intoMemorySegment(c, c4 + 2 * BYTES, LITTLE_ENDIAN);
            a43.intoMemorySegment(c, c4 + 3 * BYTES, LITTLE_ENDIAN);
            a52.intoMemorySegment(c, c5 + 2 * BYTES, LITTLE_ENDIAN);
            a53.intoMemorySegment(c, c5 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }

    /** c [NR] = x [depth] · w [depth, NR], with the bits that {@link #multiply} gives. */
    static void multiplyRow(MemorySegment x, long x0, MemorySegment w, long w0, int depth, MemorySegment c, long c0) {
        FloatVector a00 = FloatVector.zero(FLOAT);
        FloatVector a01 = a00;
        FloatVector a02 = a00;
        FloatVector a03 = a00;
        for (int k = 0; k < depth; k++) {
            long xk = (long) k << 2;
            long wk = w0 + (long) k * STEP;
            FloatVector b0 = FloatVector.fromMemorySegment(FLOAT, w, wk, LITTLE_ENDIAN);
            FloatVector b1 = FloatVector.fromMemorySegment(FLOAT, w, wk + BYTES, LITTLE_ENDIAN);
            FloatVector v0 = FloatVector.broadcast(FLOAT, x.get(F32, x0 + xk));
            a00 = v0.fma(b0, a00);
            a01 = v0.fma(b1, a01);
            if (VECTORS == 4) {
                FloatVector b2 = FloatVector.fromMemorySegment(FLOAT, w, wk + 2 * BYTES, LITTLE_ENDIAN);
                FloatVector b3 = FloatVector.fromMemorySegment(FLOAT, w, wk + 3 * BYTES, LITTLE_ENDIAN);
                a02 = v0.fma(b2, a02);
                a03 = v0.fma(b3, a03);
            }
        }
        a00.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        a01.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        if (VECTORS == 4) {
            a02.intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            a03.intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }
}
