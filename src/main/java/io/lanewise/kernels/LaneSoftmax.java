package io.lanewise.kernels;

import static io.lanewise.kernels.AttentionSoftmax.E1;
import static io.lanewise.kernels.AttentionSoftmax.E2;
import static io.lanewise.kernels.AttentionSoftmax.E3;
import static io.lanewise.kernels.AttentionSoftmax.E4;
import static io.lanewise.kernels.AttentionSoftmax.E5;
import static io.lanewise.kernels.AttentionSoftmax.LOWEST;
import static io.lanewise.kernels.AttentionSoftmax.ROUND;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The softmax of training's attention over tiles [keys, lanes] in scratch w, where a lane is a query: it runs down the
 * lanes, a vector of queries at a time. Scores are in units of log 2. {@code lanes} is a multiple of two vectors and
 * {@code keys} of four; offsets count floats. 2^x is that of {@link AttentionSoftmax#exp2}, written out where it is used: a
 * helper that takes and gives vectors may end up not inlined, and every vector boxed.
 */
final class LaneSoftmax {
    private static final VectorSpecies<Float> F = Lanes.FLOAT;

    private LaneSoftmax() {}

    /** max [lanes] rises to that of the tile; where any did, factor [lanes] = 2^(old - new). Returns whether any did. */
    static boolean raiseMax(MemorySegment w, long tileOff, int keys, int lanes, long maxOff, long factorOff) {
        boolean rose = false;
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector before = FloatVector.fromMemorySegment(F, w, maxOff + lane << 2, LITTLE_ENDIAN);
            FloatVector max = before;
            for (int i = 0; i < keys; i++) {
                long at = tileOff + lane + (long) i * lanes << 2;
                FloatVector s = FloatVector.fromMemorySegment(F, w, at, LITTLE_ENDIAN);
                max = max.blend(s, s.compare(VectorOperators.GT, max));
            }
            rose |= max.compare(VectorOperators.GT, before).anyTrue();
            max.intoMemorySegment(w, maxOff + lane << 2, LITTLE_ENDIAN);
            before.sub(max).intoMemorySegment(w, factorOff + lane << 2, LITTLE_ENDIAN);
        }
        if (rose) {
            exp2(w, factorOff, lanes);
        }
        return rose;
    }

    /** x [lanes] = 2^x. */
    private static void exp2(MemorySegment w, long xOff, int lanes) {
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector x = FloatVector.fromMemorySegment(F, w, xOff + lane << 2, LITTLE_ENDIAN);
            FloatVector t = x.add(ROUND);
            FloatVector f = x.sub(t.sub(ROUND));
            FloatVector p = f.fma(FloatVector.broadcast(F, E5), FloatVector.broadcast(F, E4));
            p = p.fma(f, FloatVector.broadcast(F, E3));
            p = p.fma(f, FloatVector.broadcast(F, E2));
            p = p.fma(f, FloatVector.broadcast(F, E1));
            p = p.fma(f, FloatVector.broadcast(F, 1f));
            p = p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats().blend(0f, x.compare(VectorOperators.LT, LOWEST));
            p.intoMemorySegment(w, xOff + lane << 2, LITTLE_ENDIAN);
        }
    }

    /** x [rows, lanes] = x · factor [lanes]. */
    static void multiplyRows(MemorySegment w, long xOff, int rows, int lanes, long factorOff) {
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector factor = FloatVector.fromMemorySegment(F, w, factorOff + lane << 2, LITTLE_ENDIAN);
            for (int i = 0; i < rows; i++) {
                long at = xOff + lane + (long) i * lanes << 2;
                FloatVector.fromMemorySegment(F, w, at, LITTLE_ENDIAN).mul(factor).intoMemorySegment(w, at, LITTLE_ENDIAN);
            }
        }
    }

    /** y [lanes] = 1 / x [lanes]. */
    static void reciprocals(MemorySegment w, long xOff, int lanes, long yOff) {
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector.broadcast(F, 1f).div(FloatVector.fromMemorySegment(F, w, xOff + lane << 2, LITTLE_ENDIAN))
                    .intoMemorySegment(w, yOff + lane << 2, LITTLE_ENDIAN);
        }
    }

    /** Scores → probs: 2^(score - max), added up to sum [lanes]. */
    static void probs(MemorySegment w, long tileOff, int keys, int lanes, long maxOff, long sumOff) {
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector max = FloatVector.fromMemorySegment(F, w, maxOff + lane << 2, LITTLE_ENDIAN);
            FloatVector sum = FloatVector.fromMemorySegment(F, w, sumOff + lane << 2, LITTLE_ENDIAN);
            for (int i = 0; i < keys; i++) {
                long at = tileOff + lane + (long) i * lanes << 2;
                FloatVector x = FloatVector.fromMemorySegment(F, w, at, LITTLE_ENDIAN).sub(max);
                FloatVector t = x.add(ROUND);
                FloatVector f = x.sub(t.sub(ROUND));
                FloatVector p = f.fma(FloatVector.broadcast(F, E5), FloatVector.broadcast(F, E4));
                p = p.fma(f, FloatVector.broadcast(F, E3));
                p = p.fma(f, FloatVector.broadcast(F, E2));
                p = p.fma(f, FloatVector.broadcast(F, E1));
                p = p.fma(f, FloatVector.broadcast(F, 1f));
                p = p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                        .reinterpretAsFloats().blend(0f, x.compare(VectorOperators.LT, LOWEST));
                p.intoMemorySegment(w, at, LITTLE_ENDIAN);
                sum = sum.add(p);
            }
            sum.intoMemorySegment(w, sumOff + lane << 2, LITTLE_ENDIAN);
        }
    }

    /** Scores → P = 2^(S - L), and dP → dS = P·(dP - D)·scale, with L and D [lanes]. */
    static void gradients(MemorySegment w, long tileOff, long dTileOff, int keys, int lanes, long logSumOff,
            long deltaOff, float scale) {
        for (int lane = 0; lane < lanes; lane += Lanes.FLOATS) {
            FloatVector logSum = FloatVector.fromMemorySegment(F, w, logSumOff + lane << 2, LITTLE_ENDIAN);
            FloatVector delta = FloatVector.fromMemorySegment(F, w, deltaOff + lane << 2, LITTLE_ENDIAN);
            for (int i = 0; i < keys; i++) {
                long at = lane + (long) i * lanes;
                FloatVector x = FloatVector.fromMemorySegment(F, w, tileOff + at << 2, LITTLE_ENDIAN).sub(logSum);
                FloatVector t = x.add(ROUND);
                FloatVector f = x.sub(t.sub(ROUND));
                FloatVector p = f.fma(FloatVector.broadcast(F, E5), FloatVector.broadcast(F, E4));
                p = p.fma(f, FloatVector.broadcast(F, E3));
                p = p.fma(f, FloatVector.broadcast(F, E2));
                p = p.fma(f, FloatVector.broadcast(F, E1));
                p = p.fma(f, FloatVector.broadcast(F, 1f));
                p = p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                        .reinterpretAsFloats().blend(0f, x.compare(VectorOperators.LT, LOWEST));
                p.intoMemorySegment(w, tileOff + at << 2, LITTLE_ENDIAN);
                FloatVector.fromMemorySegment(F, w, dTileOff + at << 2, LITTLE_ENDIAN).sub(delta).mul(p).mul(scale)
                        .intoMemorySegment(w, dTileOff + at << 2, LITTLE_ENDIAN);
            }
        }
    }
}
