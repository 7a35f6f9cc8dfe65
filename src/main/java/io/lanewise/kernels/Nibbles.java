package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Four 4-bit weights in 16 bits, the first lowest: what {@link CodedPanels} are made of. */
final class Nibbles {
    private static final VectorSpecies<Short> SHORT = Lanes.SHORT;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final int BYTES = Lanes.BITS / 8;
    private static final long STEP = (long) CodedPanels.PAIRS * BYTES;

    private Nibbles() {}

    /** Weights k to k + 3 of a block of 32 whose byte j holds weight j in its low half and j + 16 in its high half. */
    static int four(MemorySegment raw, long at, int k) {
        int bytes = k < 16 ? Bits.i32(raw, at + k) : Bits.i32(raw, at + k - 16) >>> 4;
        return bytes & 0xF | bytes >>> 4 & 0xF0 | bytes >>> 8 & 0xF00 | bytes >>> 12 & 0xF000;
    }

    /**
     * Writes weight - 8 of one pair of vectors of rows and half of every 8 k into a tile of shorts.
     *
     * @param groups vectors of four k
     * @param to byte of the tile's first k
     * @param nibbles 0x000F000F, not known to the compiler
     */
    static void unpack(MemorySegment w, long w0, int groups, MemorySegment tile, long to, int nibbles) {
        ShortVector m = IntVector.broadcast(INT, nibbles).reinterpretAsShorts();
        for (int g = 0; g < groups; g++) {
            ShortVector p = ShortVector.fromMemorySegment(SHORT, w, w0 + g * (long) BYTES, LITTLE_ENDIAN);
            long t = to + g * 8 * STEP;
            p.and(m).sub((short) 8).intoMemorySegment(tile, t, LITTLE_ENDIAN);
            p.lanewise(VectorOperators.LSHR, 4).and(m).sub((short) 8).intoMemorySegment(tile, t + STEP, LITTLE_ENDIAN);
            p.lanewise(VectorOperators.LSHR, 8).and(m).sub((short) 8).intoMemorySegment(tile, t + 2 * STEP, LITTLE_ENDIAN);
            p.lanewise(VectorOperators.LSHR, 12).sub((short) 8).intoMemorySegment(tile, t + 3 * STEP, LITTLE_ENDIAN);
        }
    }
}
