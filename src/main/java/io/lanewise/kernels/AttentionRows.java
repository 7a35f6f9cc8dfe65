package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The microkernels of attention for few query rows, as in decoding: one query at a time against keys and values that are
 * in the first-level cache, each read once a query. With few queries the lanes hold positions (scores) or dims (output)
 * instead of queries.
 */
final class AttentionRows {
    private static final int LANES = Lanes.FLOATS;

    private AttentionRows() {}

    /**
     * scores [PANEL] = q [headDim] · keys [headDim, PANEL]. Four vectors of positions at once hide the latency of the
     * multiply-add.
     */
    static void scores(MemorySegment w, long qOff, int headDim, MemorySegment keys, long keysOff, long scoresOff) {
        for (int g = 0; g < KvBuffer.PANEL; g += 4 * LANES) {
            scoresOfFour(w, qOff, headDim, keys, keysOff + g, scoresOff + g);
        }
    }

    /**
     * Four vectors of positions. A method of its own: inside the loop, which is one round long with 512-bit vectors, C2
     * hoists bounds checks that then fail, and compiles it again and again.
     */
    private static void scoresOfFour(MemorySegment w, long qOff, int headDim, MemorySegment keys, long keysOff,
            long scoresOff) {
        FloatVector s0 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int d = 0; d < headDim; d++) {
            FloatVector q = FloatVector.broadcast(Lanes.FLOAT, Floats.get(w, qOff + d));
            long at = keysOff + (long) d * KvBuffer.PANEL;
            s0 = q.fma(Floats.load(keys, at), s0);
            s1 = q.fma(Floats.load(keys, at + LANES), s1);
            s2 = q.fma(Floats.load(keys, at + 2 * LANES), s2);
            s3 = q.fma(Floats.load(keys, at + 3 * LANES), s3);
        }
        Floats.store(s0, w, scoresOff);
        Floats.store(s1, w, scoresOff + LANES);
        Floats.store(s2, w, scoresOff + 2 * LANES);
        Floats.store(s3, w, scoresOff + 3 * LANES);
    }

    /** out [dims] += probs [count] · values [count, dims]. */
    static void addValues(MemorySegment w, long probsOff, int count, MemorySegment values, long valuesOff, int dims,
            long outOff) {
        int d = 0;
        for (; d <= dims - 4 * LANES; d += 4 * LANES) {
            addFourVectors(w, probsOff, count, values, valuesOff + d, dims, outOff + d);
        }
        for (; d <= dims - LANES; d += LANES) {
            addVector(w, probsOff, count, values, valuesOff + d, dims, outOff + d);
        }
        for (; d < dims; d++) {
            float sum = Floats.get(w, outOff + d);
            for (int i = 0; i < count; i++) {
                sum = Math.fma(Floats.get(w, probsOff + i), Floats.get(values, valuesOff + d + (long) i * dims), sum);
            }
            Floats.set(w, outOff + d, sum);
        }
    }

    private static void addFourVectors(MemorySegment w, long probsOff, int count, MemorySegment values, long valuesOff,
            int stride, long outOff) {
        FloatVector o0 = Floats.load(w, outOff);
        FloatVector o1 = Floats.load(w, outOff + LANES);
        FloatVector o2 = Floats.load(w, outOff + 2 * LANES);
        FloatVector o3 = Floats.load(w, outOff + 3 * LANES);
        for (int i = 0; i < count; i++) {
            FloatVector prob = FloatVector.broadcast(Lanes.FLOAT, Floats.get(w, probsOff + i));
            long at = valuesOff + (long) i * stride;
            o0 = prob.fma(Floats.load(values, at), o0);
            o1 = prob.fma(Floats.load(values, at + LANES), o1);
            o2 = prob.fma(Floats.load(values, at + 2 * LANES), o2);
            o3 = prob.fma(Floats.load(values, at + 3 * LANES), o3);
        }
        Floats.store(o0, w, outOff);
        Floats.store(o1, w, outOff + LANES);
        Floats.store(o2, w, outOff + 2 * LANES);
        Floats.store(o3, w, outOff + 3 * LANES);
    }

    private static void addVector(MemorySegment w, long probsOff, int count, MemorySegment values, long valuesOff,
            int stride, long outOff) {
        FloatVector out = Floats.load(w, outOff);
        for (int i = 0; i < count; i++) {
            FloatVector prob = FloatVector.broadcast(Lanes.FLOAT, Floats.get(w, probsOff + i));
            out = prob.fma(Floats.load(values, valuesOff + (long) i * stride), out);
        }
        Floats.store(out, w, outOff);
    }
}
