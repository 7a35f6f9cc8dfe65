package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The register tiles under training's attention, four rows of up to four vectors that add to what is there. a is read by broadcasts at any row and
 * column step, so that neither a row-major nor a transposed operand has to be packed; b comes a row of vectors at a time.
 * Offsets and steps count bytes.
 *
 * <p>On Zen 5 with 512-bit vectors, C2 code, one core of 255 GFLOP/s, k from 384 down to 32: 236 to 229. More than 16 loaded
 * accumulators (8×3, 8×2, 6×3, 5×4) are too much text for C1 ("out of virtual registers"), and such a method may stay at
 * tier 2 for ever, boxing every vector: 15 GFLOP/s, depending on how busy the compiler was. Each tile is one method and hands
 * out no vector, since one that crosses a call which is not inlined is boxed too.
 */
final class FmaTile {
    /** Rows of {@link #add}. */
    static final int ADD_ROWS = 4;
    /** {@link #add} takes columns in multiples of this. */
    static final int ADD_COLUMNS = 2 * Lanes.FLOATS;

    /** Bytes a vector. */
    private static final long V = Lanes.BITS / 8;
    private static final VectorSpecies<Float> F = Lanes.FLOAT;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat LAYOUT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LE);

    private FmaTile() {}

    /**
     * c[i, j] = z[i, j] + Σ_k a[i, k]·b[k, j] for any multiple of {@link #ADD_ROWS} rows and of {@link #ADD_COLUMNS}
     * columns; z may be c, or one row for all with a step of 0.
     */
    static void add(int rows, int columns, MemorySegment a, long aAt, long aRow, long aStep, MemorySegment b, long bAt,
            long bStep, int k, MemorySegment z, long zAt, long zRow, MemorySegment c, long cAt, long cRow) {
        int vectors = columns / Lanes.FLOATS;
        for (int i = 0; i < rows; i += ADD_ROWS) {
            int v = 0;
            if (FloatTile.VECTORS == 4) {
                for (; v <= vectors - 4; v += 4) {
                    add4x4(a, aAt + i * aRow, aRow, aStep, b, bAt + v * V, bStep, k, z, zAt + i * zRow + v * V, zRow, c,
                            cAt + i * cRow + v * V, cRow);
                }
            }
            for (; v < vectors; v += 2) {
                add4x2(a, aAt + i * aRow, aRow, aStep, b, bAt + v * V, bStep, k, z, zAt + i * zRow + v * V, zRow, c,
                        cAt + i * cRow + v * V, cRow);
            }
        }
    }

    private static void add4x4(MemorySegment a, long aAt, long aRow, long aStep, MemorySegment b, long bAt,
            long bStep, int k, MemorySegment z, long zAt, long zRow, MemorySegment c, long cAt, long cRow) {
        FloatVector c00 = FloatVector.fromMemorySegment(F, z, zAt, LE);
        FloatVector c01 = FloatVector.fromMemorySegment(F, z, zAt + V, LE);
        FloatVector c02 = FloatVector.fromMemorySegment(F, z, zAt + 2 * V, LE);
        FloatVector c03 = FloatVector.fromMemorySegment(F, z, zAt + 3 * V, LE);
        FloatVector c10 = FloatVector.fromMemorySegment(F, z, zAt + zRow, LE);
        FloatVector c11 = FloatVector.fromMemorySegment(F, z, zAt + zRow + V, LE);
        FloatVector c12 = FloatVector.fromMemorySegment(F, z, zAt + zRow + 2 * V, LE);
        FloatVector c13 = FloatVector.fromMemorySegment(F, z, zAt + zRow + 3 * V, LE);
        FloatVector c20 = FloatVector.fromMemorySegment(F, z, zAt + 2 * zRow, LE);
        FloatVector c21 = FloatVector.fromMemorySegment(F, z, zAt + 2 * zRow + V, LE);
        FloatVector c22 = FloatVector.fromMemorySegment(F, z, zAt + 2 * zRow + 2 * V, LE);
        FloatVector c23 = FloatVector.fromMemorySegment(F, z, zAt + 2 * zRow + 3 * V, LE);
        FloatVector c30 = FloatVector.fromMemorySegment(F, z, zAt + 3 * zRow, LE);
        FloatVector c31 = FloatVector.fromMemorySegment(F, z, zAt + 3 * zRow + V, LE);
        FloatVector c32 = FloatVector.fromMemorySegment(F, z, zAt + 3 * zRow + 2 * V, LE);
        FloatVector c33 = FloatVector.fromMemorySegment(F, z, zAt + 3 * zRow + 3 * V, LE);
        for (int i = 0; i < k; i++) {
            FloatVector b0 = FloatVector.fromMemorySegment(F, b, bAt, LE);
            FloatVector b1 = FloatVector.fromMemorySegment(F, b, bAt + V, LE);
            FloatVector b2 = FloatVector.fromMemorySegment(F, b, bAt + 2 * V, LE);
            FloatVector b3 = FloatVector.fromMemorySegment(F, b, bAt + 3 * V, LE);
            FloatVector a0 = FloatVector.broadcast(F, a.get(LAYOUT, aAt));
            c00 = a0.fma(b0, c00);
            c01 = a0.fma(b1, c01);
            c02 = a0.fma(b2, c02);
            c03 = a0.fma(b3, c03);
            FloatVector a1 = FloatVector.broadcast(F, a.get(LAYOUT, aAt + aRow));
            c10 = a1.fma(b0, c10);
            c11 = a1.fma(b1, c11);
            c12 = a1.fma(b2, c12);
            c13 = a1.fma(b3, c13);
            FloatVector a2 = FloatVector.broadcast(F, a.get(LAYOUT, aAt + 2 * aRow));
            c20 = a2.fma(b0, c20);
            c21 = a2.fma(b1, c21);
            c22 = a2.fma(b2, c22);
            c23 = a2.fma(b3, c23);
            FloatVector a3 = FloatVector.broadcast(F, a.get(LAYOUT, aAt + 3 * aRow));
            c30 = a3.fma(b0, c30);
            c31 = a3.fma(b1, c31);
            c32 = a3.fma(b2, c32);
            c33 = a3.fma(b3, c33);
            aAt += aStep;
            bAt += bStep;
        }
        c00.intoMemorySegment(c, cAt, LE);
        c01.intoMemorySegment(c, cAt + V, LE);
        c02.intoMemorySegment(c, cAt + 2 * V, LE);
        c03.intoMemorySegment(c, cAt + 3 * V, LE);
        c10.intoMemorySegment(c, cAt + cRow, LE);
        c11.intoMemorySegment(c, cAt + cRow + V, LE);
        c12.intoMemorySegment(c, cAt + cRow + 2 * V, LE);
        c13.intoMemorySegment(c, cAt + cRow + 3 * V, LE);
        c20.intoMemorySegment(c, cAt + 2 * cRow, LE);
        c21.intoMemorySegment(c, cAt + 2 * cRow + V, LE);
        c22.intoMemorySegment(c, cAt + 2 * cRow + 2 * V, LE);
        c23.intoMemorySegment(c, cAt + 2 * cRow + 3 * V, LE);
        c30.intoMemorySegment(c, cAt + 3 * cRow, LE);
        c31.intoMemorySegment(c, cAt + 3 * cRow + V, LE);
        c32.intoMemorySegment(c, cAt + 3 * cRow + 2 * V, LE);
        c33.intoMemorySegment(c, cAt + 3 * cRow + 3 * V, LE);
    }

    private static void add4x2(MemorySegment a, long aAt, long aRow, long aStep, MemorySegment b, long bAt,
            long bStep, int k, MemorySegment z, long zAt, long zRow, MemorySegment c, long cAt, long cRow) {
        FloatVector c00 = FloatVector.fromMemorySegment(F, z, zAt, LE);
        FloatVector c01 = FloatVector.fromMemorySegment(F, z, zAt + V, LE);
        FloatVector c10 = FloatVector.fromMemorySegment(F, z, zAt + zRow, LE);
        FloatVector c11 = FloatVector.fromMemorySegment(F, z, zAt + zRow + V, LE);
        FloatVector c20 = FloatVector.fromMemorySegment(F, z, zAt + 2 * zRow, LE);
        FloatVector c21 = FloatVector.fromMemorySegment(F, z, zAt + 2 * zRow + V, LE);
        FloatVector c30 = FloatVector.fromMemorySegment(F, z, zAt + 3 * zRow, LE);
        FloatVector c31 = FloatVector.fromMemorySegment(F, z, zAt + 3 * zRow + V, LE);
        for (int i = 0; i < k; i++) {
            FloatVector b0 = FloatVector.fromMemorySegment(F, b, bAt, LE);
            FloatVector b1 = FloatVector.fromMemorySegment(F, b, bAt + V, LE);
            FloatVector a0 = FloatVector.broadcast(F, a.get(LAYOUT, aAt));
            c00 = a0.fma(b0, c00);
            c01 = a0.fma(b1, c01);
            FloatVector a1 = FloatVector.broadcast(F, a.get(LAYOUT, aAt + aRow));
            c10 = a1.fma(b0, c10);
            c11 = a1.fma(b1, c11);
            FloatVector a2 = FloatVector.broadcast(F, a.get(LAYOUT, aAt + 2 * aRow));
            c20 = a2.fma(b0, c20);
            c21 = a2.fma(b1, c21);
            FloatVector a3 = FloatVector.broadcast(F, a.get(LAYOUT, aAt + 3 * aRow));
            c30 = a3.fma(b0, c30);
            c31 = a3.fma(b1, c31);
            aAt += aStep;
            bAt += bStep;
        }
        c00.intoMemorySegment(c, cAt, LE);
        c01.intoMemorySegment(c, cAt + V, LE);
        c10.intoMemorySegment(c, cAt + cRow, LE);
        c11.intoMemorySegment(c, cAt + cRow + V, LE);
        c20.intoMemorySegment(c, cAt + 2 * cRow, LE);
        c21.intoMemorySegment(c, cAt + 2 * cRow + V, LE);
        c30.intoMemorySegment(c, cAt + 3 * cRow, LE);
        c31.intoMemorySegment(c, cAt + 3 * cRow + V, LE);
    }
}
