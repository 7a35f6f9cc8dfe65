package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * Rotary position embedding (Su et al. 2021) of the heads of one position, in place: each pair (a, b) of a head turns
 * by its angle, a' = a·cos - b·sin, b' = b·cos + a·sin. Rows of cosines and sines come from {@link RopeTable}; their
 * layout is that of the style, so that every load is a plain vector.
 */
public final class Rope {
    private static final VectorShuffle<Float> SWAP_PAIRS = VectorShuffle.fromOp(FLOAT, lane -> lane ^ 1);

    private Rope() {}

    /**
     * Turns neighbours (2i, 2i+1).
     *
     * @param x nHeads heads, headDim floats apart; of each the first ropeDim turn and the rest stays
     * @param cosSin [2·ropeDim] from csOff on: cos0 cos0 cos1 cos1 …, then -sin0 sin0 -sin1 sin1 …
     */
    public static void interleaved(MemorySegment x, long off, int nHeads, int headDim, int ropeDim,
            MemorySegment cosSin, long csOff) {
        long sinOff = csOff + ropeDim;
        for (int head = 0; head < nHeads; head++) {
            long at = off + (long) head * headDim;
            int i = 0;
            for (; i <= ropeDim - Lanes.FLOATS; i += Lanes.FLOATS) {
                FloatVector v = fromMemorySegment(FLOAT, x, at + i << 2, LITTLE_ENDIAN);
                FloatVector sin = fromMemorySegment(FLOAT, cosSin, sinOff + i << 2, LITTLE_ENDIAN);
                FloatVector turned = v.mul(fromMemorySegment(FLOAT, cosSin, csOff + i << 2, LITTLE_ENDIAN));
                turned = v.rearrange(SWAP_PAIRS).fma(sin, turned);
                turned.intoMemorySegment(x, at + i << 2, LITTLE_ENDIAN);
            }
            for (; i < ropeDim; i += 2) {
                float a = Floats.get(x, at + i);
                float b = Floats.get(x, at + i + 1);
                float cos = Floats.get(cosSin, csOff + i);
                float sin = Floats.get(cosSin, sinOff + i + 1);
                Floats.set(x, at + i, Math.fma(b, -sin, a * cos));
                Floats.set(x, at + i + 1, Math.fma(a, sin, b * cos));
            }
        }
    }

    /**
     * Turns (i, i + ropeDim/2).
     *
     * @param x nHeads heads, headDim floats apart; of each the first ropeDim turn and the rest stays
     * @param cosSin [ropeDim] from csOff on: cos0 cos1 …, then sin0 sin1 …
     */
    public static void halfSplit(MemorySegment x, long off, int nHeads, int headDim, int ropeDim,
            MemorySegment cosSin, long csOff) {
        int half = ropeDim / 2;
        long sinOff = csOff + half;
        for (int head = 0; head < nHeads; head++) {
            long at = off + (long) head * headDim;
            int i = 0;
            for (; i <= half - Lanes.FLOATS; i += Lanes.FLOATS) {
                FloatVector a = fromMemorySegment(FLOAT, x, at + i << 2, LITTLE_ENDIAN);
                FloatVector b = fromMemorySegment(FLOAT, x, at + half + i << 2, LITTLE_ENDIAN);
                FloatVector cos = fromMemorySegment(FLOAT, cosSin, csOff + i << 2, LITTLE_ENDIAN);
                FloatVector sin = fromMemorySegment(FLOAT, cosSin, sinOff + i << 2, LITTLE_ENDIAN);
                b.fma(sin.neg(), a.mul(cos)).intoMemorySegment(x, at + i << 2, LITTLE_ENDIAN);
                a.fma(sin, b.mul(cos)).intoMemorySegment(x, at + half + i << 2, LITTLE_ENDIAN);
            }
            for (; i < half; i++) {
                float a = Floats.get(x, at + i);
                float b = Floats.get(x, at + half + i);
                float cos = Floats.get(cosSin, csOff + i);
                float sin = Floats.get(cosSin, sinOff + i);
                Floats.set(x, at + i, Math.fma(b, -sin, a * cos));
                Floats.set(x, at + half + i, Math.fma(a, sin, b * cos));
            }
        }
    }
}
