package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * One row of {@link Codes} by a panel of 4-bit weights, as far as whole numbers go: a sum for each block of 32 k and each
 * row of the panel, which the type then scales. Apart from that, since together they are more text than the compilers
 * take, and so that all types share the loop that everything waits for.
 */
final class NibbleRow {
    /** Most blocks a call. */
    static final int MOST_BLOCKS = 64;
    /** Ints of a block of sums. */
    static final int STEP = CodedPanels.PAIRS * Lanes.FLOATS;
    /** Ints of sums a call. */
    static final int SUMS = MOST_BLOCKS * STEP;
    /** The lowest of four weights in each 16 bits. */
    static final int NIBBLES = 0x000F000F;

    private static final boolean TWO = CodedPanels.PAIRS == 2;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final VectorSpecies<Short> SHORT = Lanes.SHORT;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private NibbleRow() {}

    /**
     * sums [blocks, NR] of shorts = Σ code·(weight - 8).
     *
     * <p>One loop over 8 k a round, with the end of a block as a branch in it: an inner loop over a block of its own takes
     * more time to enter than to run. The mask comes as an argument, since one that C2 knows to be constant is loaded again
     * for every use.
     *
     * @param x0 byte of the first code
     * @param starts byte of the first block's start
     * @param w00 byte of the stream of the first pair of vectors of rows and the first half of every 8 k; and so on
     * @param groups 4 · blocks
     * @param nibbles {@link #NIBBLES}
     */
    static void sum(MemorySegment x, long x0, long starts, MemorySegment w, long w00, long w01, long w10, long w11,
            int groups, int nibbles, int[] sums) {
        ShortVector m = IntVector.broadcast(INT, nibbles).reinterpretAsShorts();
        ShortVector a0 = IntVector.broadcast(INT, x.get(I32, starts)).reinterpretAsShorts();
        ShortVector a1 = a0;
        for (int g = 0; g < groups; g++) {
            long wk = g * (long) BYTES;
            long xk = x0 + g * 32L;
            ShortVector v;
            ShortVector p00 = ShortVector.fromMemorySegment(SHORT, w, w00 + wk, LITTLE_ENDIAN);
            ShortVector p10 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w10 + wk, LITTLE_ENDIAN) : p00;
            v = IntVector.broadcast(INT, x.get(I32, xk)).reinterpretAsShorts();
            a0 = p00.and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p10.and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 4)).reinterpretAsShorts();
            a0 = p00.lanewise(VectorOperators.LSHR, 4).and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p10.lanewise(VectorOperators.LSHR, 4).and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 8)).reinterpretAsShorts();
            a0 = p00.lanewise(VectorOperators.LSHR, 8).and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p10.lanewise(VectorOperators.LSHR, 8).and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 12)).reinterpretAsShorts();
            a0 = p00.lanewise(VectorOperators.LSHR, 12).mul(v).add(a0);
            if (TWO) {
                a1 = p10.lanewise(VectorOperators.LSHR, 12).mul(v).add(a1);
            }
            ShortVector p01 = ShortVector.fromMemorySegment(SHORT, w, w01 + wk, LITTLE_ENDIAN);
            ShortVector p11 = TWO ? ShortVector.fromMemorySegment(SHORT, w, w11 + wk, LITTLE_ENDIAN) : p01;
            v = IntVector.broadcast(INT, x.get(I32, xk + 16)).reinterpretAsShorts();
            a0 = p01.and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p11.and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 20)).reinterpretAsShorts();
            a0 = p01.lanewise(VectorOperators.LSHR, 4).and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p11.lanewise(VectorOperators.LSHR, 4).and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 24)).reinterpretAsShorts();
            a0 = p01.lanewise(VectorOperators.LSHR, 8).and(m).mul(v).add(a0);
            if (TWO) {
                a1 = p11.lanewise(VectorOperators.LSHR, 8).and(m).mul(v).add(a1);
            }
            v = IntVector.broadcast(INT, x.get(I32, xk + 28)).reinterpretAsShorts();
            a0 = p01.lanewise(VectorOperators.LSHR, 12).mul(v).add(a0);
            if (TWO) {
                a1 = p11.lanewise(VectorOperators.LSHR, 12).mul(v).add(a1);
            }
            if ((g & 3) == 3) {
                int block = g >> 2;
                a0.reinterpretAsInts().intoArray(sums, block * STEP);
                if (TWO) {
                    a1.reinterpretAsInts().intoArray(sums, block * STEP + LANES);
                }
                // After the last block this reads what follows the starts, and nothing uses it.
                a0 = IntVector.broadcast(INT, x.get(I32, starts + 4L * block + 4)).reinterpretAsShorts();
                a1 = a0;
            }
        }
    }
}
