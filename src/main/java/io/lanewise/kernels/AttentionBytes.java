package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The microkernels of {@link AttentionRows} over a Q8_0 cache, four numbers an int: a byte at the top of an int over
 * zeros is 2^24 times as much and exact as a float, and the factor {@link #UNIT} that the caller puts on queries and
 * probs makes that good. The scales of keys are multiplied with sums over a line's four dims; those of values into the
 * probs before.
 *
 * <p>Several queries take their turns: a kernel for four is on the edge of what the compilers of the JVM take, and some
 * runs boxed its vectors to the end.
 */
final class AttentionBytes {
    /** What queries and probs are multiplied with. */
    static final float UNIT = 0x1p-24f;

    private static final int TOP = 0xFF000000;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    private static final long VECTOR_BYTES = Lanes.BITS / Byte.SIZE;
    private static final long LINE = KvBuffer.LINE_BYTES;
    private static final int PANEL_DIMS = KvBuffer.BLOCK_DIMS;
    private static final long BYTE_ROW = PANEL_DIMS * (long) Integer.BYTES;

    private AttentionBytes() {}

    /**
     * As {@link AttentionRows#scores} for one query, with the scales of the first panel from float {@code scale} on and
     * those of the next panels {@code scaleStream} floats apart.
     */
    static void scores(MemorySegment w, long qOff, int qStep, int lines, MemorySegment keys, long at, long stream,
            MemorySegment scales, long scale, long scaleStream, long scoresOff, long scoresStream) {
        for (int v = 0; v < KvBuffer.LINE; v += Lanes.FLOATS) {
            scoresVector(w, qOff, qStep, lines, keys, at + v * (long) Integer.BYTES, stream, scales, scale + v,
                    scaleStream, scoresOff + v, scoresStream);
        }
    }

    /** As {@link AttentionRows#weigh} for one query and a panel of up to 32 dims, with probs times the values' scales. */
    static void weigh(MemorySegment w, long probsOff, int steps, MemorySegment values, long at, int dims, long outOff) {
        for (int d = 0; dims == PANEL_DIMS && d < PANEL_DIMS; d += 2 * Lanes.FLOATS) {
            weighTwoVectors(w, probsOff, steps, values, at + d * (long) Integer.BYTES, outOff + d);
        }
        for (int d = 0; dims < PANEL_DIMS && d < dims; d += Lanes.FLOATS) {
            weighVector(w, probsOff, steps, values, at + d * (long) Integer.BYTES, dims * (long) Integer.BYTES,
                    outOff + d);
        }
    }

    private static void scoresVector(MemorySegment w, long qOff, int qStep, int lines, MemorySegment keys, long at,
            long stream,
            MemorySegment scales, long scale, long scaleStream,
            long scoresOff, long scoresStream) {
        long q = qOff << 2;
        long qNext = (long) qStep << 2;
        long at1 = at + stream;
        long at2 = at1 + stream;
        long at3 = at2 + stream;
        long scale0 = scale << 2;
        long scale1 = scale0 + (scaleStream << 2);
        long scale2 = scale1 + (scaleStream << 2);
        long scale3 = scale2 + (scaleStream << 2);
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s10 = s00;
        FloatVector s20 = s00;
        FloatVector s30 = s00;
        for (int line = 0; line < lines; line++) {
            FloatVector x0a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (4 * qNext)));
            FloatVector x0b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (4 * qNext) + qNext));
            FloatVector x0c = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (4 * qNext) + 2 * qNext));
            FloatVector x0d = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, q + line * (4 * qNext) + 3 * qNext));
            IntVector four0 = IntVector.fromMemorySegment(Lanes.INT, keys, at + line * LINE, ORDER);
            FloatVector y0a = (FloatVector) four0.lanewise(VectorOperators.LSHL, 24).convert(VectorOperators.I2F, 0);
            FloatVector y0b = (FloatVector) four0.lanewise(VectorOperators.LSHL, 16).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y0c = (FloatVector) four0.lanewise(VectorOperators.LSHL, 8).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y0d = (FloatVector) four0.and(TOP).convert(VectorOperators.I2F, 0);
            FloatVector unit0 = FloatVector.fromMemorySegment(Lanes.FLOAT, scales,
                    scale0 + (line >> 3) * LINE, ORDER);
            s00 = x0d.fma(y0d, x0c.fma(y0c, x0b.fma(y0b, x0a.mul(y0a)))).fma(unit0, s00);
            IntVector four1 = IntVector.fromMemorySegment(Lanes.INT, keys, at1 + line * LINE, ORDER);
            FloatVector y1a = (FloatVector) four1.lanewise(VectorOperators.LSHL, 24).convert(VectorOperators.I2F, 0);
            FloatVector y1b = (FloatVector) four1.lanewise(VectorOperators.LSHL, 16).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y1c = (FloatVector) four1.lanewise(VectorOperators.LSHL, 8).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y1d = (FloatVector) four1.and(TOP).convert(VectorOperators.I2F, 0);
            FloatVector unit1 = FloatVector.fromMemorySegment(Lanes.FLOAT, scales,
                    scale1 + (line >> 3) * LINE, ORDER);
            s10 = x0d.fma(y1d, x0c.fma(y1c, x0b.fma(y1b, x0a.mul(y1a)))).fma(unit1, s10);
            IntVector four2 = IntVector.fromMemorySegment(Lanes.INT, keys, at2 + line * LINE, ORDER);
            FloatVector y2a = (FloatVector) four2.lanewise(VectorOperators.LSHL, 24).convert(VectorOperators.I2F, 0);
            FloatVector y2b = (FloatVector) four2.lanewise(VectorOperators.LSHL, 16).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y2c = (FloatVector) four2.lanewise(VectorOperators.LSHL, 8).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y2d = (FloatVector) four2.and(TOP).convert(VectorOperators.I2F, 0);
            FloatVector unit2 = FloatVector.fromMemorySegment(Lanes.FLOAT, scales,
                    scale2 + (line >> 3) * LINE, ORDER);
            s20 = x0d.fma(y2d, x0c.fma(y2c, x0b.fma(y2b, x0a.mul(y2a)))).fma(unit2, s20);
            IntVector four3 = IntVector.fromMemorySegment(Lanes.INT, keys, at3 + line * LINE, ORDER);
            FloatVector y3a = (FloatVector) four3.lanewise(VectorOperators.LSHL, 24).convert(VectorOperators.I2F, 0);
            FloatVector y3b = (FloatVector) four3.lanewise(VectorOperators.LSHL, 16).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y3c = (FloatVector) four3.lanewise(VectorOperators.LSHL, 8).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y3d = (FloatVector) four3.and(TOP).convert(VectorOperators.I2F, 0);
            FloatVector unit3 = FloatVector.fromMemorySegment(Lanes.FLOAT, scales,
                    scale3 + (line >> 3) * LINE, ORDER);
            s30 = x0d.fma(y3d, x0c.fma(y3c, x0b.fma(y3b, x0a.mul(y3a)))).fma(unit3, s30);
        }
        long to = scoresOff << 2;
        long next = scoresStream << 2;
        s00.intoMemorySegment(w, to, ORDER);
        s10.intoMemorySegment(w, to + next, ORDER);
        s20.intoMemorySegment(w, to + 2 * next, ORDER);
        s30.intoMemorySegment(w, to + 3 * next, ORDER);
    }

    private static void weighTwoVectors(MemorySegment w, long probsOff, int steps, MemorySegment values, long at,
            long outOff) {
        long p0 = probsOff << 2;
        int quarter = steps >> 2;
        int whole = quarter << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        FloatVector s01 = s00;
        for (int i = 0; i < steps; i++) {
            int step = i < whole ? (i & 3) * quarter + (i >> 2) : i;
            long from = at + step * BYTE_ROW;
            IntVector four0 = IntVector.fromMemorySegment(Lanes.INT, values, from, ORDER);
            FloatVector y0a = (FloatVector) four0.lanewise(VectorOperators.LSHL, 24).convert(VectorOperators.I2F, 0);
            FloatVector y0b = (FloatVector) four0.lanewise(VectorOperators.LSHL, 16).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y0c = (FloatVector) four0.lanewise(VectorOperators.LSHL, 8).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y0d = (FloatVector) four0.and(TOP).convert(VectorOperators.I2F, 0);
            IntVector four1 = IntVector.fromMemorySegment(Lanes.INT, values, from + VECTOR_BYTES, ORDER);
            FloatVector y1a = (FloatVector) four1.lanewise(VectorOperators.LSHL, 24).convert(VectorOperators.I2F, 0);
            FloatVector y1b = (FloatVector) four1.lanewise(VectorOperators.LSHL, 16).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y1c = (FloatVector) four1.lanewise(VectorOperators.LSHL, 8).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y1d = (FloatVector) four1.and(TOP).convert(VectorOperators.I2F, 0);
            FloatVector x0a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 16L));
            s00 = x0a.fma(y0a, s00);
            s01 = x0a.fma(y1a, s01);
            FloatVector x0b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 16L + 4));
            s00 = x0b.fma(y0b, s00);
            s01 = x0b.fma(y1b, s01);
            FloatVector x0c = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 16L + 8));
            s00 = x0c.fma(y0c, s00);
            s01 = x0c.fma(y1c, s01);
            FloatVector x0d = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 16L + 12));
            s00 = x0d.fma(y0d, s00);
            s01 = x0d.fma(y1d, s01);
        }
        long out = outOff << 2;
        s00.intoMemorySegment(w, out, ORDER);
        s01.intoMemorySegment(w, out + VECTOR_BYTES, ORDER);
    }

    private static void weighVector(MemorySegment w, long probsOff, int steps, MemorySegment values, long at,
            long row,
            long outOff) {
        long p0 = probsOff << 2;
        int quarter = steps >> 2;
        int whole = quarter << 2;
        FloatVector s00 = FloatVector.zero(Lanes.FLOAT);
        for (int i = 0; i < steps; i++) {
            int step = i < whole ? (i & 3) * quarter + (i >> 2) : i;
            long from = at + step * row;
            IntVector four0 = IntVector.fromMemorySegment(Lanes.INT, values, from, ORDER);
            FloatVector y0a = (FloatVector) four0.lanewise(VectorOperators.LSHL, 24).convert(VectorOperators.I2F, 0);
            FloatVector y0b = (FloatVector) four0.lanewise(VectorOperators.LSHL, 16).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y0c = (FloatVector) four0.lanewise(VectorOperators.LSHL, 8).and(TOP)
                    .convert(VectorOperators.I2F, 0);
            FloatVector y0d = (FloatVector) four0.and(TOP).convert(VectorOperators.I2F, 0);
            FloatVector x0a = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 16L));
            s00 = x0a.fma(y0a, s00);
            FloatVector x0b = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 16L + 4));
            s00 = x0b.fma(y0b, s00);
            FloatVector x0c = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 16L + 8));
            s00 = x0c.fma(y0c, s00);
            FloatVector x0d = FloatVector.broadcast(Lanes.FLOAT, w.get(FLOAT, p0 + step * 16L + 12));
            s00 = x0d.fma(y0d, s00);
        }
        long out = outOff << 2;
        s00.intoMemorySegment(w, out, ORDER);
    }
}
