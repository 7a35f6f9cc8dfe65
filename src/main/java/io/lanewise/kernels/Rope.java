package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * Rotary position embedding (Su et al. 2021) of the heads of one position, in place: each pair (a, b) of a head turns
 * by its angle, a' = a·cos - b·sin, b' = b·cos + a·sin. Rows of cosines and sines come from {@link RopeTable}; their
 * layout is that of the style, so that every load is a plain vector.
 */
public final class Rope {
    private static final VectorShuffle<Float> SWAP_PAIRS = VectorShuffle.fromOp(Lanes.FLOAT, lane -> lane ^ 1);

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
                FloatVector v = Floats.load(x, at + i);
                FloatVector swapped = v.rearrange(SWAP_PAIRS);
                FloatVector turned = v.mul(Floats.load(cosSin, csOff + i));
                Floats.store(swapped.fma(Floats.load(cosSin, sinOff + i), turned), x, at + i);
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
                FloatVector a = Floats.load(x, at + i);
                FloatVector b = Floats.load(x, at + half + i);
                FloatVector cos = Floats.load(cosSin, csOff + i);
                FloatVector sin = Floats.load(cosSin, sinOff + i);
                Floats.store(b.fma(sin.neg(), a.mul(cos)), x, at + i);
                Floats.store(a.fma(sin, b.mul(cos)), x, at + half + i);
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
