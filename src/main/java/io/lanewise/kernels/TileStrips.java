package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Packs the operand that {@link FmaTile#product} broadcasts: strips of six rows, k-major, eight floats a k of which the
 * last two are anything. Eight, since only steps that are powers of two let C2 take all bounds checks out of the tile's
 * loop; with 24 bytes it left five of ten. Offsets count floats.
 */
final class TileStrips {
    /** Floats from one k of a strip to the next. */
    static final int WIDTH = 8;

    private static final int MR = FmaTile.PRODUCT_ROWS;
    private static final int L = Lanes.FLOATS;
    /** Floats between strips: neighbours do not fall into the same sets of L1. */
    private static final int GAP = 16;

    private static final IntVector LOW = pairs(0);
    private static final IntVector HIGH = pairs(L / 2);
    // The four vectors that L/2 columns fill: FRONT takes rows 0 and 1 from one vector of pairs and 2 and 3 from another,
    // BACK puts rows 4 and 5 behind them.
    private static final IntVector FRONT_0 = front(0);
    private static final IntVector FRONT_1 = front(1);
    private static final IntVector FRONT_2 = front(2);
    private static final IntVector FRONT_3 = front(3);
    private static final IntVector BACK_0 = back(0);
    private static final IntVector BACK_1 = back(1);
    private static final IntVector BACK_2 = back(2);
    private static final IntVector BACK_3 = back(3);
    /** The first eight elements of two vectors. */
    private static final IntVector EIGHTS = indices(lane -> lane < WIDTH ? lane : L + lane - WIDTH);

    private TileStrips() {}

    /** Elements of two rows in turn, from element {@code first} of both on. */
    private static IntVector pairs(int first) {
        return indices(lane -> first + lane / 2 + lane % 2 * L);
    }

    private static IntVector front(int vector) {
        return indices(lane -> {
            int k = (vector * L + lane) / WIDTH;
            int row = (vector * L + lane) % WIDTH;
            return 2 * k + row % 2 + (row == 2 || row == 3 ? L : 0);
        });
    }

    private static IntVector back(int vector) {
        return indices(lane -> {
            int k = (vector * L + lane) / WIDTH;
            int row = (vector * L + lane) % WIDTH;
            return row < 4 ? lane : L + 2 * k + row % 2;
        });
    }

    private static IntVector indices(IntUnaryOperator ofLane) {
        int[] indices = new int[L];
        for (int lane = 0; lane < L; lane++) {
            indices[lane] = ofLane.applyAsInt(lane);
        }
        return IntVector.fromArray(Lanes.INT, indices, 0);
    }

    /** Floats from strip to strip of {@code k} columns. */
    static long step(int k) {
        return (long) k * WIDTH + GAP;
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
                Floats.set(dst, dstOff + (long) i * WIDTH + row,
                        row < rows ? Floats.get(src, srcOff + row * srcRow + i) : 0f);
            }
        }
    }

    /** Neighbouring rows are zipped to pairs, and pairs put behind each other. */
    private static void zip(MemorySegment src, long srcOff, long srcRow, int k, MemorySegment dst, long dstOff) {
        for (int i = 0; i < k; i += L) {
            long from = srcOff + i << 2;
            IntVector r0 = IntVector.fromMemorySegment(Lanes.INT, src, from, LITTLE_ENDIAN);
            IntVector r1 = IntVector.fromMemorySegment(Lanes.INT, src, from + (srcRow << 2), LITTLE_ENDIAN);
            IntVector r2 = IntVector.fromMemorySegment(Lanes.INT, src, from + (2 * srcRow << 2), LITTLE_ENDIAN);
            IntVector r3 = IntVector.fromMemorySegment(Lanes.INT, src, from + (3 * srcRow << 2), LITTLE_ENDIAN);
            IntVector r4 = IntVector.fromMemorySegment(Lanes.INT, src, from + (4 * srcRow << 2), LITTLE_ENDIAN);
            IntVector r5 = IntVector.fromMemorySegment(Lanes.INT, src, from + (5 * srcRow << 2), LITTLE_ENDIAN);
            long to = dstOff + (long) i * WIDTH << 2;
            IntVector a = LOW.selectFrom(r0, r1);
            IntVector b = LOW.selectFrom(r2, r3);
            IntVector c = LOW.selectFrom(r4, r5);
            BACK_0.selectFrom(FRONT_0.selectFrom(a, b), c).intoMemorySegment(dst, to, LITTLE_ENDIAN);
            BACK_1.selectFrom(FRONT_1.selectFrom(a, b), c).intoMemorySegment(dst, to + 4L * L, LITTLE_ENDIAN);
            BACK_2.selectFrom(FRONT_2.selectFrom(a, b), c).intoMemorySegment(dst, to + 8L * L, LITTLE_ENDIAN);
            BACK_3.selectFrom(FRONT_3.selectFrom(a, b), c).intoMemorySegment(dst, to + 12L * L, LITTLE_ENDIAN);
            a = HIGH.selectFrom(r0, r1);
            b = HIGH.selectFrom(r2, r3);
            c = HIGH.selectFrom(r4, r5);
            BACK_0.selectFrom(FRONT_0.selectFrom(a, b), c).intoMemorySegment(dst, to + 16L * L, LITTLE_ENDIAN);
            BACK_1.selectFrom(FRONT_1.selectFrom(a, b), c).intoMemorySegment(dst, to + 20L * L, LITTLE_ENDIAN);
            BACK_2.selectFrom(FRONT_2.selectFrom(a, b), c).intoMemorySegment(dst, to + 24L * L, LITTLE_ENDIAN);
            BACK_3.selectFrom(FRONT_3.selectFrom(a, b), c).intoMemorySegment(dst, to + 28L * L, LITTLE_ENDIAN);
        }
    }

    /**
     * The strips of a transposed operand: dst[strip, k, i] = src[k, 6·strip + i] for k &lt; {@code count}, zeros beyond
     * {@code cols}.
     *
     * @param step floats from strip to strip of dst
     */
    static void ofColumns(MemorySegment src, long srcOff, long srcRow, int count, int cols, MemorySegment dst,
            long dstOff, long step) {
        int rowsAtOnce = L == 16 ? 2 : 1;
        int k = L < WIDTH ? 0 : count / rowsAtOnce * rowsAtOnce;
        int whole = L < WIDTH ? 0 : Math.max(0, (cols - L + MR) / MR);
        for (int i = 0; i < k; i += rowsAtOnce) {
            long s = srcOff + i * srcRow << 2;
            long d = dstOff + (long) i * WIDTH << 2;
            if (L == 16) {
                cutTwoRows(src, s, srcRow << 2, whole, dst, d, step << 2);
            } else {
                cutRow(src, s, whole, dst, d, step << 2);
            }
        }
        cutRest(src, srcOff, srcRow, 0, k, whole * MR, cols, dst, dstOff, step);
        cutRest(src, srcOff, srcRow, k, count, 0, cols, dst, dstOff, step);
    }

    /** A k of some strips with vectors of eight. Offsets and steps count bytes. */
    private static void cutRow(MemorySegment src, long s, int strips, MemorySegment dst, long d, long step) {
        for (int strip = 0; strip < strips; strip++) {
            FloatVector.fromMemorySegment(Lanes.FLOAT, src, s, LITTLE_ENDIAN).intoMemorySegment(dst, d, LITTLE_ENDIAN);
            s += 4 * MR;
            d += step;
        }
    }

    /** Two k of some strips with vectors of sixteen: stores are whole lines. Offsets and steps count bytes. */
    private static void cutTwoRows(MemorySegment src, long s, long srcRow, int strips, MemorySegment dst, long d, long step) {
        for (int strip = 0; strip < strips; strip++) {
            IntVector first = IntVector.fromMemorySegment(Lanes.INT, src, s, LITTLE_ENDIAN);
            IntVector second = IntVector.fromMemorySegment(Lanes.INT, src, s + srcRow, LITTLE_ENDIAN);
            EIGHTS.selectFrom(first, second).intoMemorySegment(dst, d, LITTLE_ENDIAN);
            s += 4 * MR;
            d += step;
        }
    }

    private static void cutRest(MemorySegment src, long srcOff, long srcRow, int from, int to, int fromCol, int toCol,
            MemorySegment dst, long dstOff, long step) {
        for (int col = fromCol; col < toCol; col += MR) {
            for (int k = from; k < to; k++) {
                long d = dstOff + col / MR * step + (long) k * WIDTH;
                for (int i = 0; i < MR; i++) {
                    Floats.set(dst, d + i, col + i < toCol ? Floats.get(src, srcOff + k * srcRow + col + i) : 0f);
                }
            }
        }
    }
}
