package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static io.lanewise.kernels.Lanes.INT;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Finds the scale (and minimum) that turns floats into small integer codes with the least squared error. A candidate
 * scale gives codes, codes give the least-squares scale in closed form, and the best of all candidates wins; no
 * candidate is worse than plain rounding, which is among them.
 *
 * <p>Holds one block of up to 256 floats, divided by a power of two so that the largest lies in [0.5, 1): nothing
 * overflows or vanishes. Sums over codes are exact: they count in integers, of 20 bits for the floats and six for the
 * codes. So a file comes out the same on every machine, whatever the vector width. Not for several threads.
 */
final class BlockFit {
    /** Adding it rounds to the nearest integer (ties to even), which then lies in the low bits. */
    private static final float ROUND = 0x1.8p23f;
    private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);
    private static final float LARGEST_HALF = 65504f;
    /** Fixed-point one: 32 products with codes of up to 32 stay below 2^31. */
    private static final int ONE = 1 << 20;
    /** Elements between entries of {@link #chunkSum}. */
    private static final int CHUNK = 16;
    /** Candidates put the largest value this many tenths of a code around the end of the range. */
    private static final int TENTHS = 9;

    /** The block, divided by {@link #unit}. */
    final float[] x = new float[256];
    /** The block in fixed point. */
    private final int[] fixed = new int[256];
    /** Σx and Σx² of each 16 elements. */
    private final double[] chunkSum = new double[256 / CHUNK];
    private final double[] chunkSquares = new double[256 / CHUNK];
    private final int[] codes = new int[256];
    /** A power of two. */
    private double unit;

    /** What the last search found. */
    float scale;
    float min;
    private double bestGain;

    /** Sums over the codes of the last pass. */
    private double sumQ;
    private double sumQQ;
    private double sumXQ;

    /**
     * Takes n floats; false where all are zero.
     *
     * @throws IllegalArgumentException on NaN and infinities, which blocks cannot hold
     */
    boolean load(MemorySegment src, long from, int n, DType dtype) {
        float largest = 0;
        for (int i = 0; i < n; i++) {
            float v = Floats.get(src, from + i);
            x[i] = v;
            largest = Math.max(largest, Math.abs(v));
        }
        if (!(largest <= Float.MAX_VALUE)) {
            throw notFinite(from, n, dtype);
        }
        int exponent = largest < Float.MIN_NORMAL ? Float.MIN_EXPONENT : Math.getExponent(largest) + 1;
        unit = Math.scalb(1.0, exponent);
        normalise(n, 1 / unit);
        return largest > 0;
    }

    private void normalise(int n, double shrink) {
        for (int i = 0; i < n; i++) {
            x[i] = (float) (x[i] * shrink);
            fixed[i] = (int) Math.rint(x[i] * ONE);
        }
        for (int chunk = 0; chunk < n / CHUNK; chunk++) {
            long sum = 0;
            long squares = 0;
            for (int i = chunk * CHUNK; i < (chunk + 1) * CHUNK; i++) {
                sum += fixed[i];
                squares += (long) fixed[i] * fixed[i];
            }
            chunkSum[chunk] = (double) sum / ONE;
            chunkSquares[chunk] = (double) squares / ONE / ONE;
        }
    }

    /** Σx of n elements, whole chunks. */
    double sumX(int at, int n) {
        double sum = 0;
        for (int chunk = at / CHUNK; chunk < (at + n) / CHUNK; chunk++) {
            sum += chunkSum[chunk];
        }
        return sum;
    }

    private IllegalArgumentException notFinite(long from, int n, DType dtype) {
        int i = 0;
        while (i < n - 1 && Math.abs(x[i]) <= Float.MAX_VALUE) {
            i++;
        }
        return new IllegalArgumentException("encode " + dtype + ": element " + (from + i) + " is " + x[i]
                + ", expected finite numbers; store the tensor as F16, BF16 or F32");
    }

    /** The half that stores a scale of this block, saturated; never a negative zero, which would show in zeros. */
    short half(float value) {
        short half = Float.floatToFloat16((float) Math.clamp(value * unit, -LARGEST_HALF, LARGEST_HALF));
        return half == Short.MIN_VALUE ? 0 : half;
    }

    /** What a stored half means in units of this block. */
    float ofHalf(short half) {
        return (float) (Float.float16ToFloat(half) / unit);
    }

    /** The exponent of this block's power of two. */
    int exponent() {
        return Math.getExponent(unit);
    }

    /** The value of largest magnitude, with its sign. */
    float extreme(int at, int n) {
        float extreme = 0;
        for (int i = at; i < at + n; i++) {
            extreme = Math.abs(x[i]) > Math.abs(extreme) ? x[i] : extreme;
        }
        return extreme;
    }

    /** Fits x ≈ scale · q, low ≤ q ≤ high, to n floats; leaves {@link #scale}. */
    void fitScale(int at, int n, int low, int high) {
        float extreme = extreme(at, n);
        scale = 0;
        bestGain = 0;
        if (extreme == 0) {
            return;
        }
        float inverse = 1 / extreme;
        for (int tenth = -TENTHS; tenth <= TENTHS; tenth++) {
            trySymmetric(at, n, (low + tenth * 0.1f) * inverse, low, high);
            trySymmetric(at, n, (high + tenth * 0.1f) * inverse, low, high);
        }
        for (int round = 0; round < 3 && trySymmetric(at, n, 1 / scale, low, high); round++) {
            // Codes for the better scale may allow a better one still.
        }
    }

    /** Takes the candidate if the error that its best scale removes, (Σxq)² / Σq², is the largest so far. */
    private boolean trySymmetric(int at, int n, float inverse, int low, int high) {
        sum(at, n, inverse, 0, low, high);
        double gain = sumQQ == 0 ? 0 : sumXQ * sumXQ / sumQQ;
        if (gain <= bestGain) {
            return false;
        }
        bestGain = gain;
        scale = (float) (sumXQ / sumQQ);
        return true;
    }

    /** Σq, Σq² and Σxq for q = clamp(round((x - offset) · inverse)). */
    void sum(int at, int n, float inverse, float offset, int low, int high) {
        IntVector q0 = IntVector.zero(INT);
        IntVector qq = q0;
        IntVector xq = q0;
        for (int i = at; i < at + n; i += Lanes.FLOATS) {
            IntVector q = FloatVector.fromArray(FLOAT, x, i).sub(offset).mul(inverse).add(ROUND).reinterpretAsInts()
                    .max(ROUND_BITS + low).min(ROUND_BITS + high).sub(ROUND_BITS);
            q0 = q0.add(q);
            qq = qq.add(q.mul(q));
            xq = xq.add(q.mul(IntVector.fromArray(INT, fixed, i)));
        }
        sumQ = q0.reduceLanes(VectorOperators.ADD);
        sumQQ = qq.reduceLanes(VectorOperators.ADD);
        sumXQ = (double) xq.reduceLanes(VectorOperators.ADD) / ONE;
    }

    /**
     * Fits x ≈ scale · q + min, 0 ≤ q ≤ high, to n floats; leaves {@link #scale} ≥ 0 and {@link #min}.
     *
     * @param minAtMostZero whether min may not be positive, as in K types
     */
    void fitScaleAndMin(int at, int n, int high, boolean minAtMostZero) {
        float least = x[at];
        float most = x[at];
        double sumX = sumX(at, n);
        for (int i = at; i < at + n; i++) {
            least = Math.min(least, x[i]);
            most = Math.max(most, x[i]);
        }
        if (minAtMostZero) {
            least = Math.min(least, 0);
        }
        scale = 0;
        min = minAtMostZero ? least : (float) (sumX / n);
        bestGain = Double.NEGATIVE_INFINITY;
        if (most <= least) {
            return;
        }
        for (int tenth = -TENTHS; tenth <= TENTHS; tenth++) {
            tryAffine(at, n, (high + tenth * 0.1f) / (most - least), least, high, sumX, minAtMostZero);
        }
        for (int round = 0; round < 4 && scale > 0; round++) {
            if (!tryAffine(at, n, 1 / scale, min, high, sumX, minAtMostZero)) {
                break;
            }
        }
    }

    /** As {@link #trySymmetric}, with the least squares of two unknowns: Σx² - error = scale·Σxq + min·Σx. */
    private boolean tryAffine(int at, int n, float inverse, float offset, int high, double sumX,
            boolean minAtMostZero) {
        sum(at, n, inverse, offset, 0, high);
        if (sumQQ == 0) {
            return false;
        }
        double determinant = n * sumQQ - sumQ * sumQ;
        double s = (n * sumXQ - sumX * sumQ) / determinant;
        double m = (sumQQ * sumX - sumQ * sumXQ) / determinant;
        // With one code for all elements only their mean is determined: put all of it in the scale.
        if (determinant <= 0 || minAtMostZero && m > 0) {
            m = 0;
            s = sumXQ / sumQQ;
        }
        double gain = s * sumXQ + m * sumX;
        if (gain <= bestGain || s <= 0) {
            return false;
        }
        bestGain = gain;
        scale = (float) s;
        min = (float) m;
        return true;
    }

    /** Fits x ≈ scale · (a value of the table) to n floats; leaves {@link #scale}. */
    void fitTable(int at, int n, Codebook table) {
        float extreme = extreme(at, n);
        scale = 0;
        bestGain = 0;
        if (extreme == 0) {
            return;
        }
        float inverse = 1 / extreme;
        for (int percent = -10; percent <= 10; percent += 2) {
            float end = (1 + percent * 0.01f) * inverse;
            tryTable(at, n, table.least() * end, table);
            tryTable(at, n, table.greatest() * end, table);
        }
        for (int round = 0; round < 3 && tryTable(at, n, 1 / scale, table); round++) {
            // As in fitScale.
        }
    }

    private boolean tryTable(int at, int n, float inverse, Codebook table) {
        float vv0 = 0;
        float vv1 = 0;
        float xv0 = 0;
        float xv1 = 0;
        for (int i = at; i < at + n; i += 2) {
            float value0 = table.near(x[i] * inverse);
            float value1 = table.near(x[i + 1] * inverse);
            vv0 = Math.fma(value0, value0, vv0);
            vv1 = Math.fma(value1, value1, vv1);
            xv0 = Math.fma(x[i], value0, xv0);
            xv1 = Math.fma(x[i + 1], value1, xv1);
        }
        sumQQ = vv0 + vv1;
        sumXQ = xv0 + xv1;
        double gain = sumQQ == 0 ? 0 : sumXQ * sumXQ / sumQQ;
        if (gain <= bestGain) {
            return false;
        }
        bestGain = gain;
        scale = (float) (sumXQ / sumQQ);
        return true;
    }

    /** Σ(x - s·value)² with the nearest values of the table. */
    double error(int at, int n, float s, Codebook table) {
        float inverse = s == 0 ? 0 : 1 / s;
        double error = 0;
        for (int i = at; i < at + n; i++) {
            float difference = x[i] - table.value(table.nearest(x[i] * inverse)) * s;
            error += difference * difference;
        }
        return error;
    }

    /** Codes of the nearest values of the table; leaves Σ value² and Σ x·value as the sums of codes. */
    void codes(int at, int n, float s, Codebook table, byte[] q) {
        float inverse = s == 0 ? 0 : 1 / s;
        sumQQ = 0;
        sumXQ = 0;
        for (int i = at; i < at + n; i++) {
            q[i] = (byte) table.nearest(x[i] * inverse);
            float value = table.value(q[i]);
            sumQQ += value * value;
            sumXQ += x[i] * value;
        }
    }

    double sumQ() {
        return sumQ;
    }

    double sumQQ() {
        return sumQQ;
    }

    double sumXQ() {
        return sumXQ;
    }

    /** Σ(x - (s·q + m))² with the codes that {@link #codes(int, int, float, float, int, int, byte[])} gives. */
    double error(int at, int n, float s, float m, int low, int high) {
        sum(at, n, s == 0 ? 0 : 1 / s, m, low, high);
        double squares = 0;
        for (int chunk = at / CHUNK; chunk < (at + n) / CHUNK; chunk++) {
            squares += chunkSquares[chunk];
        }
        double scale = s;
        double offset = m;
        double withOffset = offset * (2 * scale * sumQ + n * offset - 2 * sumX(at, n));
        return squares + scale * (scale * sumQQ - 2 * sumXQ) + withOffset;
    }

    /**
     * q = clamp(round((x - m) / s)), or clamp(0) where s is 0. Floats of one sign are ordered as their bits are, so
     * clamping the bits of a sum with {@link #ROUND} clamps right however large the quotient, and costs one instruction
     * a side.
     */
    void codes(int at, int n, float s, float m, int low, int high, byte[] q) {
        float inverse = s == 0 ? 0 : 1 / s;
        for (int i = at; i < at + n; i += Lanes.FLOATS) {
            FloatVector.fromArray(FLOAT, x, i).sub(m).mul(inverse).add(ROUND).reinterpretAsInts()
                    .max(ROUND_BITS + low).min(ROUND_BITS + high).sub(ROUND_BITS).intoArray(codes, i);
        }
        for (int i = at; i < at + n; i++) {
            q[i] = (byte) codes[i];
        }
    }
}
