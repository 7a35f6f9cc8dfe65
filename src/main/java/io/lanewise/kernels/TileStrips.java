package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Packs the operand that {@link FmaTile#product} broadcasts: strips of six rows, k-major, so that the six floats of one k
 * lie together and a strip is one stream. Offsets count floats.
 */
final class TileStrips {
    private static final int MR = FmaTile.PRODUCT_ROWS;
    private static final int L = Lanes.FLOATS;
    /** Columns cut at a time, whole strips: three cache lines of a row. */
    private static final int BLOCK = 8 * MR;
    private static final IntVector LOW = pairs(0);
    private static final IntVector HIGH = pairs(L / 2);
    /** Of each of the three vectors that L/2 columns fill: which pairs come from rows 0 to 3, and which from 4 and 5. */
    private static final IntVector FRONT_0 = front(0);
    private static final IntVector FRONT_1 = front(1);
    private static final IntVector FRONT_2 = front(2);
    private static final IntVector BACK_0 = back(0);
    private static final IntVector BACK_1 = back(1);
    private static final IntVector BACK_2 = back(2);

    private TileStrips() {}

    /** Elements of two rows in turn, from element {@code first} of both on. */
    private static IntVector pairs(int first) {
        return indices(lane -> first + lane / 2 + lane % 2 * L);
    }

    /** Pairs of rows 0 and 1 from the first vector, of rows 2 and 3 from the second; whatever for those of rows 4 and 5. */
    private static IntVector front(int vector) {
        return indices(lane -> {
            int pair = vector * L / 2 + lane / 2;
            return 2 * (pair / 3) + lane % 2 + (pair % 3 == 1 ? L : 0);
        });
    }

    /** What {@link #front} gave stays, pairs of rows 4 and 5 come from the second vector. */
    private static IntVector back(int vector) {
        return indices(lane -> {
            int pair = vector * L / 2 + lane / 2;
            return pair % 3 == 2 ? L + 2 * (pair / 3) + lane % 2 : lane;
        });
    }

    private static IntVector indices(java.util.function.IntUnaryOperator of) {
        int[] indices = new int[L];
        for (int lane = 0; lane < L; lane++) {
            indices[lane] = of.applyAsInt(lane);
        }
        return IntVector.fromArray(Lanes.INT, indices, 0);
    }

    /** dst[k, i] = src[i, k] for six rows i of row-major src, of which only {@code rows} exist; the others become 0. */
    static void ofRows(MemorySegment src, long srcOff, long srcRow, int rows, int k, MemorySegment dst, long dstOff) {
        int done = 0;
        if (rows == MR) {
            done = k / L * L;
            zip(src, srcOff, srcRow, done, dst, dstOff);
        }
        for (int row = 0; row < MR; row++) {
            for (int i = done; i < k; i++) {
                Floats.set(dst, dstOff + (long) i * MR + row, row < rows ? Floats.get(src, srcOff + row * srcRow + i) : 0f);
            }
        }
    }

    /** Two zips of neighbouring rows give pairs; every third pair of a strip comes from the same two rows. */
    private static void zip(MemorySegment src, long srcOff, long srcRow, int k, MemorySegment dst, long dstOff) {
        for (int i = 0; i < k; i += L) {
            long from = srcOff + i << 2;
            IntVector r0 = load(src, from);
            IntVector r1 = load(src, from + (srcRow << 2));
            IntVector r2 = load(src, from + (2 * srcRow << 2));
            IntVector r3 = load(src, from + (3 * srcRow << 2));
            IntVector r4 = load(src, from + (4 * srcRow << 2));
            IntVector r5 = load(src, from + (5 * srcRow << 2));
            long to = dstOff + (long) i * MR << 2;
            IntVector a = LOW.selectFrom(r0, r1);
            IntVector b = LOW.selectFrom(r2, r3);
            IntVector c = LOW.selectFrom(r4, r5);
            BACK_0.selectFrom(FRONT_0.selectFrom(a, b), c).intoMemorySegment(dst, to, LITTLE_ENDIAN);
            BACK_1.selectFrom(FRONT_1.selectFrom(a, b), c).intoMemorySegment(dst, to + 4L * L, LITTLE_ENDIAN);
            BACK_2.selectFrom(FRONT_2.selectFrom(a, b), c).intoMemorySegment(dst, to + 8L * L, LITTLE_ENDIAN);
            a = HIGH.selectFrom(r0, r1);
            b = HIGH.selectFrom(r2, r3);
            c = HIGH.selectFrom(r4, r5);
            BACK_0.selectFrom(FRONT_0.selectFrom(a, b), c).intoMemorySegment(dst, to + 12L * L, LITTLE_ENDIAN);
            BACK_1.selectFrom(FRONT_1.selectFrom(a, b), c).intoMemorySegment(dst, to + 16L * L, LITTLE_ENDIAN);
            BACK_2.selectFrom(FRONT_2.selectFrom(a, b), c).intoMemorySegment(dst, to + 20L * L, LITTLE_ENDIAN);
        }
    }

    private static IntVector load(MemorySegment src, long at) {
        return FloatVector.fromMemorySegment(Lanes.FLOAT, src, at, LITTLE_ENDIAN).reinterpretAsInts();
    }

    /**
     * Some k of all strips of a transposed operand: dst[strip, k, i] = src[k, 6·strip + i] for k &lt; {@code count}, zeros
     * beyond {@code cols}. Rows of src are touched one after the other, as prefetchers like it, and then cut a few strips
     * at a time: all strips at once would be hundreds of streams to write. A vector writes six floats and more; what is too
     * much is written over by the next k, and the last ones of {@code count}, behind which another thread's part may lie,
     * go float by float.
     *
     * @param stripStep floats from strip to strip of dst
     */
    static void ofColumns(MemorySegment src, long srcOff, long srcRow, int count, int cols, MemorySegment dst, long dstOff,
            long stripStep, MemorySegment scratch) {
        float sum = 0;
        for (int k = 0; k < count; k++) {
            sum += Panels.touch(src, srcOff + k * srcRow, cols);
        }
        Floats.set(scratch, 0, sum);
        int careful = Math.ceilDiv(Math.max(0, L - MR), MR);
        for (int from = 0; from < cols; from += BLOCK) {
            int whole = Math.clamp((cols - Math.max(L, MR) - from) / MR + 1, 0, BLOCK / MR);
            long s = srcOff + from;
            long d = dstOff + from / MR * stripStep;
            copyWhole(src, s, srcRow, count - careful, whole, dst, d, stripStep);
            copyRest(src, s, srcRow, 0, count - careful, whole * MR, Math.min(BLOCK, cols - from), dst, d, stripStep);
            copyRest(src, s, srcRow, count - careful, count, 0, Math.min(BLOCK, cols - from), dst, d, stripStep);
        }
    }

    private static void copyWhole(MemorySegment src, long srcOff, long srcRow, int count, int strips, MemorySegment dst,
            long dstOff, long stripStep) {
        for (int k = 0; k < count; k++) {
            long s = srcOff + k * srcRow;
            long d = dstOff + (long) k * MR;
            for (int strip = 0; strip < strips; strip++) {
                copySix(src, s + strip * MR, dst, d + strip * stripStep);
            }
        }
    }

    private static void copyRest(MemorySegment src, long srcOff, long srcRow, int from, int to, int fromCol, int toCol,
            MemorySegment dst, long dstOff, long stripStep) {
        for (int k = Math.max(0, from); k < to; k++) {
            for (int col = fromCol; col < toCol; col += MR) {
                long d = dstOff + col / MR * stripStep + (long) k * MR;
                for (int i = 0; i < MR; i++) {
                    Floats.set(dst, d + i, col + i < toCol ? Floats.get(src, srcOff + k * srcRow + col + i) : 0f);
                }
            }
        }
    }

    private static void copySix(MemorySegment src, long s, MemorySegment dst, long d) {
        FloatVector.fromMemorySegment(Lanes.FLOAT, src, s << 2, LITTLE_ENDIAN).intoMemorySegment(dst, d << 2, LITTLE_ENDIAN);
        if (L < MR) {
            FloatVector.fromMemorySegment(Lanes.FLOAT, src, s + MR - L << 2, LITTLE_ENDIAN)
                    .intoMemorySegment(dst, d + MR - L << 2, LITTLE_ENDIAN);
        }
    }
}
