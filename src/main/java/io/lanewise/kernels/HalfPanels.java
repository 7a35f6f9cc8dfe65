package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.LSHL;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * F16 and BF16: 16 bits a weight in memory, widened on the way to the multiply. A vector of ints holds two vectors of
 * weights of one k, a pair, one in the low halves of its lanes and the next in the high halves, so that widening needs no
 * shuffle. A pair has two streams, even and odd k:
 *
 * <pre>
 *   int lane l:  weight of row l | weight of row L + l        L = lanes, NR = 2L or 4L rows, 1 or 2 pairs
 * </pre>
 *
 * <p>F16 weights lie as {@link NormalHalf}s. A panel with a weight that has no such form lies as the file has it, which an int
 * after the streams tells; it is unpacked by a path of its own and has no fast row.
 */
final class HalfPanels extends PanelFormat {
    private static final int NR = FloatTile.NR;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final int PAIRS = FloatTile.VECTORS / 2;
    private static final boolean TWO = PAIRS == 2;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final int HIGH = 0xFFFF0000;
    /** Mends the bias of an F16 exponent that was moved to a float's. */
    private static final float PLAIN_SCALE = 0x1p112f;
    /** Exponent bits of a moved half that is Inf or NaN; a float's are to be put in. */
    private static final int SPECIAL = 0x0F800000;
    private static final int INFINITY = 0x7F800000;
    /** What F16 bits become, with all bits above them set where there is no such form. */
    private static final int[] NORMAL = new int[1 << 16];

    static {
        for (int bits = 0; bits < NORMAL.length; bits++) {
            NORMAL[bits] = NormalHalf.of((short) bits);
        }
    }

    private final boolean brain;

    HalfPanels(DType dtype) {
        this.brain = dtype == DType.BF16;
    }

    /** Bytes of a panel in a stream. */
    private static long run(int inDim) {
        return (inDim + 1) / 2 * (long) BYTES;
    }

    /** Byte at which a panel starts in the stream of a pair and of even or odd k. */
    private static long at(PackedMatrix w, int panel, int pair, int odd) {
        return ((2L * pair + odd) * w.panels() + panel) * run(w.inDim());
    }

    private static long flagAt(PackedMatrix w, int panel) {
        return 2L * PAIRS * w.panels() * run(w.inDim()) + 4L * panel;
    }

    @Override
    long bytes(int inDim, int panels) {
        return 2L * PAIRS * panels * run(inDim) + 4L * panels;
    }

    @Override
    boolean pack(MemorySegment raw, int rows, PackedMatrix to, int panel, MemorySegment scratch) {
        int inDim = to.inDim();
        MemorySegment memory = to.memory();
        boolean normal = brain || toNormal(raw, (long) rows * inDim);
        for (int k0 = 0; k0 < inDim; k0 += Transpose.BLOCK) {
            for (int odd = 0; odd < 2; odd++) {
                int count = (Math.min(Transpose.BLOCK, inDim - k0) + 1 - odd) / 2;
                for (int row = 0; row < NR; row++) {
                    long start = at(to, panel, row / (2 * LANES), odd) + k0 / 2 * (long) BYTES + row % LANES * 4L
                            + row / LANES % 2 * 2L;
                    if (row < rows) {
                        Transpose.scatterHalves(raw, 2L * ((long) row * inDim + k0 + odd), 4, count, memory, start, BYTES);
                    } else {
                        Transpose.scatterZeroHalves(count, memory, start, BYTES);
                    }
                }
            }
        }
        Bits.set32(memory, flagAt(to, panel), normal ? 0 : 1);
        return true;
    }

    /** Turns F16 numbers into {@link NormalHalf}s in their place, or leaves them and returns false if one has no such form. */
    private static boolean toNormal(MemorySegment halves, long count) {
        int all = 0;
        for (long i = 0; i < count; i++) {
            all |= NORMAL[Bits.i16(halves, 2 * i) & 0xFFFF];
        }
        if (all < 0) {
            return false;
        }
        for (long i = 0; i < count; i++) {
            Bits.set16(halves, 2 * i, NORMAL[Bits.i16(halves, 2 * i) & 0xFFFF]);
        }
        return true;
    }

    @Override
    void unpack(PackedMatrix w, int panel, int k0, int depth, MemorySegment tile, UnpackScratch scratch) {
        boolean plain = Bits.i32(w.memory(), flagAt(w, panel)) != 0;
        for (int pair = 0; pair < PAIRS; pair++) {
            for (int odd = 0; odd < 2; odd++) {
                long from = at(w, panel, pair, odd) + k0 / 2 * (long) BYTES;
                long to = odd * NR * 4L + 2L * pair * BYTES;
                int count = (depth + 1 - odd) / 2;
                if (brain) {
                    unpackBrain(w.memory(), from, count, tile, to);
                } else if (plain) {
                    unpackPlain(w.memory(), from, count, tile, to);
                } else {
                    unpackNormal(w.memory(), from, count, tile, to);
                }
            }
        }
    }

    private static void unpackBrain(MemorySegment w, long w0, int count, MemorySegment tile, long t0) {
        for (int i = 0; i < count; i++) {
            IntVector p = IntVector.fromMemorySegment(INT, w, w0 + (long) i * BYTES, LITTLE_ENDIAN);
            long t = t0 + 8L * i * NR;
            p.lanewise(LSHL, 16).reinterpretAsFloats().intoMemorySegment(tile, t, LITTLE_ENDIAN);
            p.and(HIGH).reinterpretAsFloats().intoMemorySegment(tile, t + BYTES, LITTLE_ENDIAN);
        }
    }

    private static void unpackNormal(MemorySegment w, long w0, int count, MemorySegment tile, long t0) {
        for (int i = 0; i < count; i++) {
            IntVector p = IntVector.fromMemorySegment(INT, w, w0 + (long) i * BYTES, LITTLE_ENDIAN);
            long t = t0 + 8L * i * NR;
            p.lanewise(LSHL, 16).lanewise(ASHR, 3).and(NormalHalf.BITS).reinterpretAsFloats().mul(NormalHalf.SCALE)
                    .intoMemorySegment(tile, t, LITTLE_ENDIAN);
            p.lanewise(ASHR, 3).and(NormalHalf.BITS).reinterpretAsFloats().mul(NormalHalf.SCALE)
                    .intoMemorySegment(tile, t + BYTES, LITTLE_ENDIAN);
        }
    }

    private static void unpackPlain(MemorySegment w, long w0, int count, MemorySegment tile, long t0) {
        for (int i = 0; i < count; i++) {
            IntVector p = IntVector.fromMemorySegment(INT, w, w0 + (long) i * BYTES, LITTLE_ENDIAN);
            long t = t0 + 8L * i * NR;
            IntVector low = p.lanewise(LSHL, 16).lanewise(ASHR, 3).and(NormalHalf.BITS);
            IntVector high = p.lanewise(ASHR, 3).and(NormalHalf.BITS);
            VectorMask<Float> lowSpecial = low.and(SPECIAL).compare(EQ, SPECIAL).cast(FLOAT);
            VectorMask<Float> highSpecial = high.and(SPECIAL).compare(EQ, SPECIAL).cast(FLOAT);
            low.reinterpretAsFloats().mul(PLAIN_SCALE).blend(low.or(INFINITY).reinterpretAsFloats(), lowSpecial)
                    .intoMemorySegment(tile, t, LITTLE_ENDIAN);
            high.reinterpretAsFloats().mul(PLAIN_SCALE).blend(high.or(INFINITY).reinterpretAsFloats(), highSpecial)
                    .intoMemorySegment(tile, t + BYTES, LITTLE_ENDIAN);
        }
    }

    @Override
    int fewRows() {
        return 1;
    }

    /** An odd last k is left to the tile. */
    @Override
    boolean multipliesRows(PackedMatrix w, int panel) {
        return w.inDim() % 2 == 0 && Bits.i32(w.memory(), flagAt(w, panel)) == 0;
    }

    @Override
    void multiplyRow(RowInput x, PackedMatrix w, int panel, int k0, int depth, MemorySegment c, long c0) {
        long from = k0 / 2 * (long) BYTES;
        long w00 = at(w, panel, 0, 0) + from;
        long w01 = at(w, panel, 0, 1) + from;
        long w10 = at(w, panel, PAIRS - 1, 0) + from;
        long w11 = at(w, panel, PAIRS - 1, 1) + from;
        if (brain) {
            rowOfBrains(x.x(), x.x0() + 4L * k0, w.memory(), w00, w01, w10, w11, depth / 2, c, c0);
        } else {
            rowOfHalves(x.x(), x.x0() + 4L * k0, w.memory(), w00, w01, w10, w11, depth / 2, NormalHalf.BITS, c, c0);
        }
    }

    /** One chain of multiply-adds over k a row, as {@link FloatTile} has it: the same bits come out. */
    private static void rowOfBrains(MemorySegment x, long x0, MemorySegment w, long w00, long w01, long w10, long w11,
            int rounds, MemorySegment c, long c0) {
        FloatVector a0 = FloatVector.zero(FLOAT);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int i = 0; i < rounds; i++) {
            long wk = (long) i * BYTES;
            long xk = x0 + i * 8L;
            IntVector p = IntVector.fromMemorySegment(INT, w, w00 + wk, LITTLE_ENDIAN);
            IntVector q = IntVector.fromMemorySegment(INT, w, w01 + wk, LITTLE_ENDIAN);
            FloatVector even = FloatVector.broadcast(FLOAT, x.get(F32, xk));
            FloatVector odd = FloatVector.broadcast(FLOAT, x.get(F32, xk + 4));
            a0 = p.lanewise(LSHL, 16).reinterpretAsFloats().fma(even, a0);
            a1 = p.and(HIGH).reinterpretAsFloats().fma(even, a1);
            a0 = q.lanewise(LSHL, 16).reinterpretAsFloats().fma(odd, a0);
            a1 = q.and(HIGH).reinterpretAsFloats().fma(odd, a1);
            if (TWO) {
                p = IntVector.fromMemorySegment(INT, w, w10 + wk, LITTLE_ENDIAN);
                q = IntVector.fromMemorySegment(INT, w, w11 + wk, LITTLE_ENDIAN);
                a2 = p.lanewise(LSHL, 16).reinterpretAsFloats().fma(even, a2);
                a3 = p.and(HIGH).reinterpretAsFloats().fma(even, a3);
                a2 = q.lanewise(LSHL, 16).reinterpretAsFloats().fma(odd, a2);
                a3 = q.and(HIGH).reinterpretAsFloats().fma(odd, a3);
            }
        }
        a0.intoMemorySegment(c, c0, LITTLE_ENDIAN);
        a1.intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        if (TWO) {
            a2.intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            a3.intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }

    /** The same over {@link NormalHalf}s: powers of two aside, which change no bit. */
    private static void rowOfHalves(MemorySegment x, long x0, MemorySegment w, long w00, long w01, long w10, long w11,
            int rounds, int bits, MemorySegment c, long c0) {
        IntVector b = IntVector.broadcast(INT, bits);
        FloatVector a0 = FloatVector.zero(FLOAT);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int i = 0; i < rounds; i++) {
            long wk = (long) i * BYTES;
            long xk = x0 + i * 8L;
            IntVector p = IntVector.fromMemorySegment(INT, w, w00 + wk, LITTLE_ENDIAN);
            IntVector q = IntVector.fromMemorySegment(INT, w, w01 + wk, LITTLE_ENDIAN);
            FloatVector even = FloatVector.broadcast(FLOAT, x.get(F32, xk)).mul(NormalHalf.HALF_SCALE);
            FloatVector odd = FloatVector.broadcast(FLOAT, x.get(F32, xk + 4)).mul(NormalHalf.HALF_SCALE);
            a0 = p.lanewise(LSHL, 16).lanewise(ASHR, 3).and(b).reinterpretAsFloats().fma(even, a0);
            a1 = p.lanewise(ASHR, 3).and(b).reinterpretAsFloats().fma(even, a1);
            a0 = q.lanewise(LSHL, 16).lanewise(ASHR, 3).and(b).reinterpretAsFloats().fma(odd, a0);
            a1 = q.lanewise(ASHR, 3).and(b).reinterpretAsFloats().fma(odd, a1);
            if (TWO) {
                p = IntVector.fromMemorySegment(INT, w, w10 + wk, LITTLE_ENDIAN);
                q = IntVector.fromMemorySegment(INT, w, w11 + wk, LITTLE_ENDIAN);
                a2 = p.lanewise(LSHL, 16).lanewise(ASHR, 3).and(b).reinterpretAsFloats().fma(even, a2);
                a3 = p.lanewise(ASHR, 3).and(b).reinterpretAsFloats().fma(even, a3);
                a2 = q.lanewise(LSHL, 16).lanewise(ASHR, 3).and(b).reinterpretAsFloats().fma(odd, a2);
                a3 = q.lanewise(ASHR, 3).and(b).reinterpretAsFloats().fma(odd, a3);
            }
        }
        a0.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0, LITTLE_ENDIAN);
        a1.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
        if (TWO) {
            a2.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 2 * BYTES, LITTLE_ENDIAN);
            a3.mul(NormalHalf.HALF_SCALE).intoMemorySegment(c, c0 + 3 * BYTES, LITTLE_ENDIAN);
        }
    }
}
