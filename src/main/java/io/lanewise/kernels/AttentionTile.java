package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The microkernel of attention for many queries: c [rows, NR] = from [rows, NR] + x [rows, depth] · w [depth, NR], as
 * {@link FloatTile} but with x, from and c in one Java array. After a vector store to a segment compiled code loads and checks
 * again what it knows of the segment; after one to an array it does not. Arrays also leave room to begin with sums that are not
 * zero, so that outputs need no pass of their own.
 */
final class AttentionTile {
    static final int NR = FloatTile.NR;
    static final int MR = FloatTile.MR;

    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final int VECTORS = FloatTile.VECTORS;
    private static final int L = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final int STEP = VECTORS * BYTES;

    private AttentionTile() {}

    /**
     * c = from + x · w. Distances and offsets count floats, but for w.
     *
     * @param xStride from one row of x to the next
     * @param w0 where w begins, in bytes
     * @param fromStride from one row of what is added to the next: 0 for the same row for all
     * @param cStride from one row of c to the next
     */
    static void multiply(float[] a, int x0, int xStride, MemorySegment w, long w0, int depth, int from, int fromStride, int c,
            int cStride) {
        int x1 = x0 + xStride;
        int x2 = x1 + xStride;
        int x3 = x2 + xStride;
        int x4 = x3 + xStride;
        int x5 = x4 + xStride;
        FloatVector a00 = FloatVector.fromArray(FLOAT, a, from);
        FloatVector a01 = FloatVector.fromArray(FLOAT, a, from + L);
        FloatVector a02 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 2 * L) : a00;
        FloatVector a03 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 3 * L) : a00;
        from += fromStride;
        FloatVector a10 = FloatVector.fromArray(FLOAT, a, from);
        FloatVector a11 = FloatVector.fromArray(FLOAT, a, from + L);
        FloatVector a12 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 2 * L) : a10;
        FloatVector a13 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 3 * L) : a10;
        from += fromStride;
        FloatVector a20 = FloatVector.fromArray(FLOAT, a, from);
        FloatVector a21 = FloatVector.fromArray(FLOAT, a, from + L);
        FloatVector a22 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 2 * L) : a20;
        FloatVector a23 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 3 * L) : a20;
        from += fromStride;
        FloatVector a30 = FloatVector.fromArray(FLOAT, a, from);
        FloatVector a31 = FloatVector.fromArray(FLOAT, a, from + L);
        FloatVector a32 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 2 * L) : a30;
        FloatVector a33 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 3 * L) : a30;
        from += fromStride;
        FloatVector a40 = FloatVector.fromArray(FLOAT, a, from);
        FloatVector a41 = FloatVector.fromArray(FLOAT, a, from + L);
        FloatVector a42 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 2 * L) : a40;
        FloatVector a43 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 3 * L) : a40;
        from += fromStride;
        FloatVector a50 = FloatVector.fromArray(FLOAT, a, from);
        FloatVector a51 = FloatVector.fromArray(FLOAT, a, from + L);
        FloatVector a52 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 2 * L) : a50;
        FloatVector a53 = VECTORS == 4 ? FloatVector.fromArray(FLOAT, a, from + 3 * L) : a50;
        for (int k = 0; k < depth; k++) {
            long wk = w0 + (long) k * STEP;
            FloatVector b0 = FloatVector.fromMemorySegment(FLOAT, w, wk, LITTLE_ENDIAN);
            FloatVector b1 = FloatVector.fromMemorySegment(FLOAT, w, wk + BYTES, LITTLE_ENDIAN);
            FloatVector v0 = FloatVector.broadcast(FLOAT, a[x0 + k]);
            a00 = v0.fma(b0, a00);
            a01 = v0.fma(b1, a01);
            FloatVector v1 = FloatVector.broadcast(FLOAT, a[x1 + k]);
            a10 = v1.fma(b0, a10);
            a11 = v1.fma(b1, a11);
            FloatVector v2 = FloatVector.broadcast(FLOAT, a[x2 + k]);
            a20 = v2.fma(b0, a20);
            a21 = v2.fma(b1, a21);
            FloatVector v3 = FloatVector.broadcast(FLOAT, a[x3 + k]);
            a30 = v3.fma(b0, a30);
            a31 = v3.fma(b1, a31);
            FloatVector v4 = FloatVector.broadcast(FLOAT, a[x4 + k]);
            a40 = v4.fma(b0, a40);
            a41 = v4.fma(b1, a41);
            FloatVector v5 = FloatVector.broadcast(FLOAT, a[x5 + k]);
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
        a00.intoArray(a, c);
        a01.intoArray(a, c + L);
        if (VECTORS == 4) {
            a02.intoArray(a, c + 2 * L);
            a03.intoArray(a, c + 3 * L);
        }
        c += cStride;
        a10.intoArray(a, c);
        a11.intoArray(a, c + L);
        if (VECTORS == 4) {
            a12.intoArray(a, c + 2 * L);
            a13.intoArray(a, c + 3 * L);
        }
        c += cStride;
        a20.intoArray(a, c);
        a21.intoArray(a, c + L);
        if (VECTORS == 4) {
            a22.intoArray(a, c + 2 * L);
            a23.intoArray(a, c + 3 * L);
        }
        c += cStride;
        a30.intoArray(a, c);
        a31.intoArray(a, c + L);
        if (VECTORS == 4) {
            a32.intoArray(a, c + 2 * L);
            a33.intoArray(a, c + 3 * L);
        }
        c += cStride;
        a40.intoArray(a, c);
        a41.intoArray(a, c + L);
        if (VECTORS == 4) {
            a42.intoArray(a, c + 2 * L);
            a43.intoArray(a, c + 3 * L);
        }
        c += cStride;
        a50.intoArray(a, c);
        a51.intoArray(a, c + L);
        if (VECTORS == 4) {
            a52.intoArray(a, c + 2 * L);
            a53.intoArray(a, c + 3 * L);
        }
    }
}
