package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * F16 and BF16: 16 bits a weight in memory, widened on the way to the multiply. A vector of ints holds two vectors of
 * weights of one k, one in the low halves of its lanes and the next in the high halves, so that widening needs no
 * shuffle:
 *
 * <pre>
 *   k:  | r0 rL | r1 rL+1 | … | r(L-1) r(2L-1) |  r2L r3L | …        L = lanes, NR = 2L or 4L rows
 *       int lane 0  lane 1            lane L-1    next vector
 * </pre>
 *
 * <p>After the weights of a panel stands an int that is 1 where the panel holds an Inf or NaN of F16. Mending those
 * needs a compare and a blend a vector, more than C2 keeps in registers beside four chains of multiply-adds, and no
 * trained model has them; so such a panel takes a path of its own.
 */
final class HalfPanels extends PanelFormat {
    private static final int NR = FloatTile.NR;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final boolean FOUR = FloatTile.VECTORS == 4;
    private static final long STEP = NR * 2L;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final int HIGH = 0xFFFF0000;
    /** Sign, exponent and fraction of an F16 number in the top half of an int that was shifted right by 3. */
    private static final int HALF_BITS = 0x8FFFE000;
    /** Mends the bias of the exponent, and makes subnormals normal, exactly. */
    private static final float HALF_SCALE = 0x1p112f;
    /** Exponent bits of a moved half that is Inf or NaN; a float's are to be put in. */
    private static final int SPECIAL = 0x0F800000;
    private static final int INFINITY = 0x7F800000;

    private final boolean brain;

    HalfPanels(DType dtype) {
        this.brain = dtype == DType.BF16;
    }

    @Override
    long panelBytes(int inDim) {
        return inDim * STEP + Integer.BYTES;
    }

    @Override
    void pack(MemorySegment raw, int rows, int inDim, MemorySegment panels, long at, MemorySegment floats) {
        for (int k0 = 0; k0 < inDim; k0 += Transpose.BLOCK) {
            int depth = Math.min(Transpose.BLOCK, inDim - k0);
            long to = at + k0 * STEP;
            for (int row = 0; row < rows; row++) {
                Transpose.scatterHalves(raw, 2L * ((long) row * inDim + k0), depth, panels, to + place(row), STEP);
            }
            for (int row = rows; row < NR; row++) {
                Transpose.scatterZeroHalves(depth, panels, to + place(row), STEP);
            }
        }
        Bits.set32(panels, at + inDim * STEP, !brain && hasInfOrNan(raw, (long) rows * inDim) ? 1 : 0);
    }

    private static boolean hasInfOrNan(MemorySegment halves, long count) {
        int found = 0;
        for (long i = 0; i < count; i++) {
            found |= (Bits.i16(halves, 2 * i) & 0x7C00) == 0x7C00 ? 1 : 0;
        }
        return found != 0;
    }

    /** Byte of a row within its k. */
    private static long place(int row) {
        int vector = row / LANES;
        return (vector / 2) * (long) BYTES + row % LANES * 4L + vector % 2 * 2L;
    }

    @Override
    void unpack(MemorySegment panels, long at, int inDim, int k0, int depth, MemorySegment tile) {
        if (brain) {
            unpackBF16(panels, at + k0 * STEP, depth * (FloatTile.VECTORS / 2), tile);
        } else {
            unpackF16(panels, at + k0 * STEP, depth * (FloatTile.VECTORS / 2), tile);
        }
    }

    private static void unpackBF16(MemorySegment w, long w0, int pairs, MemorySegment tile) {
        for (int i = 0; i < pairs; i++) {
            IntVector pair = IntVector.fromMemorySegment(INT, w, w0 + (long) i * BYTES, LITTLE_ENDIAN);
            long to = 2L * i * BYTES;
            pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoMemorySegment(tile, to, LITTLE_ENDIAN);
            pair.and(HIGH).reinterpretAsFloats().intoMemorySegment(tile, to + BYTES, LITTLE_ENDIAN);
        }
    }

    private static void unpackF16(MemorySegment w, long w0, int pairs, MemorySegment tile) {
        for (int i = 0; i < pairs; i++) {
            IntVector pair = IntVector.fromMemorySegment(INT, w, w0 + (long) i * BYTES, LITTLE_ENDIAN);
            long to = 2L * i * BYTES;
            IntVector low = pair.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS);
            IntVector high = pair.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS);
            VectorMask<Float> lowSpecial = low.and(SPECIAL).compare(VectorOperators.EQ, SPECIAL).cast(FLOAT);
            VectorMask<Float> highSpecial = high.and(SPECIAL).compare(VectorOperators.EQ, SPECIAL).cast(FLOAT);
            low.reinterpretAsFloats().mul(HALF_SCALE).blend(low.or(INFINITY).reinterpretAsFloats(), lowSpecial)
                    .intoMemorySegment(tile, to, LITTLE_ENDIAN);
            high.reinterpretAsFloats().mul(HALF_SCALE).blend(high.or(INFINITY).reinterpretAsFloats(), highSpecial)
                    .intoMemorySegment(tile, to + BYTES, LITTLE_ENDIAN);
        }
    }

    @Override
    void multiplyRow(MemorySegment x, long x0, MemorySegment panels, long at, int inDim, int k0, int depth,
            MemorySegment c, long c0) {
        if (brain) {
            rowBF16(x, x0, panels, at + k0 * STEP, depth, c, c0);
        } else if (Bits.i32(panels, at + inDim * STEP) != 0) {
            for (int pair = 0; pair < FloatTile.VECTORS / 2; pair++) {
                pairF16(x, x0, panels, at + k0 * STEP + (long) pair * BYTES, depth, c, c0 + 2L * pair * BYTES);
            }
        } else {
            rowF16(x, x0, panels, at + k0 * STEP, depth, c, c0);
        }
    }

    /** One chain of multiply-adds over k a row, as {@link FloatTile} has it: the same bits come out. */
    private static void rowBF16(MemorySegment x, long x0, MemorySegment w, long w0, int depth,
            MemorySegment c, long c0) {
        FloatVector a0 = FloatVector.zero(FLOAT);
        FloatVector a1 = FloatVector.zero(FLOAT);
        FloatVector a2 = FloatVector.zero(FLOAT);
        FloatVector a3 = FloatVector.zero(FLOAT);
        for (int k = 0; k < depth; k++) {
            long wk = w0 + k * STEP;
            FloatVector v = FloatVector.broadcast(FLOAT, x.get(F32, x0 + ((long) k << 2)));
            IntVector p0 = IntVector.fromMemorySegment(INT, w, wk, LITTLE_ENDIAN);
            a0 = v.fma(p0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), a0);
            a1 = v.fma(p0.and(HIGH).reinterpretAsFloats(), a1);
            if (FOUR) {
                IntVector p1 = IntVector.fromMemorySegment(INT, w, wk + BYTES, LITTLE_ENDIAN);
                a2 = v.fma(p1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), a2);
                a3 = v.fma(p1.and(HIGH).reinterpretAsFloats(), a3);
            }
        }
        a0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        a1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        if (FOUR) {
            a2.intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            a3.intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }

    private static void rowF16(MemorySegment x, long x0, MemorySegment w, long w0, int depth,
            MemorySegment c, long c0) {
        FloatVector a0 = FloatVector.zero(FLOAT);
        FloatVector a1 = FloatVector.zero(FLOAT);
        FloatVector a2 = FloatVector.zero(FLOAT);
        FloatVector a3 = FloatVector.zero(FLOAT);
        for (int k = 0; k < depth; k++) {
            long wk = w0 + k * STEP;
            FloatVector v = FloatVector.broadcast(FLOAT, x.get(F32, x0 + ((long) k << 2)));
            IntVector p0 = IntVector.fromMemorySegment(INT, w, wk, LITTLE_ENDIAN);
            IntVector l0 = p0.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS);
            IntVector h0 = p0.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS);
            a0 = v.fma(l0.reinterpretAsFloats().mul(HALF_SCALE), a0);
            a1 = v.fma(h0.reinterpretAsFloats().mul(HALF_SCALE), a1);
            if (FOUR) {
                IntVector p1 = IntVector.fromMemorySegment(INT, w, wk + BYTES, LITTLE_ENDIAN);
                IntVector l1 = p1.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS);
                IntVector h1 = p1.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS);
                a2 = v.fma(l1.reinterpretAsFloats().mul(HALF_SCALE), a2);
                a3 = v.fma(h1.reinterpretAsFloats().mul(HALF_SCALE), a3);
            }
        }
        a0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        a1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        if (FOUR) {
            a2.intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            a3.intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }

    /** The two vectors of one pair, where a weight may be Inf or NaN. */
    private static void pairF16(MemorySegment x, long x0, MemorySegment w, long w0, int depth,
            MemorySegment c, long c0) {
        FloatVector a0 = FloatVector.zero(FLOAT);
        FloatVector a1 = FloatVector.zero(FLOAT);
        for (int k = 0; k < depth; k++) {
            FloatVector v = FloatVector.broadcast(FLOAT, x.get(F32, x0 + ((long) k << 2)));
            IntVector pair = IntVector.fromMemorySegment(INT, w, w0 + k * STEP, LITTLE_ENDIAN);
            IntVector low = pair.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_BITS);
            IntVector high = pair.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS);
            VectorMask<Float> lowSpecial = low.and(SPECIAL).compare(VectorOperators.EQ, SPECIAL).cast(FLOAT);
            VectorMask<Float> highSpecial = high.and(SPECIAL).compare(VectorOperators.EQ, SPECIAL).cast(FLOAT);
            a0 = v.fma(low.reinterpretAsFloats().mul(HALF_SCALE).blend(low.or(INFINITY).reinterpretAsFloats(), lowSpecial), a0);
            a1 = v.fma(high.reinterpretAsFloats().mul(HALF_SCALE).blend(high.or(INFINITY).reinterpretAsFloats(), highSpecial), a1);
        }
        a0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        a1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
    }
}
