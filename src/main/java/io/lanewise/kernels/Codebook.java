package io.lanewise.kernels;

/** Sixteen values that 4-bit codes stand for, and the nearest of them to a number. */
final class Codebook {
    /** IQ4_NL and IQ4_XS. */
    static final Codebook IQ4 = new Codebook(SmallBlocks.IQ4_VALUES);
    /** MXFP4. */
    static final Codebook E2M1 = new Codebook(SmallBlocks.E2M1_DOUBLED);

    /** {@link #near} looks numbers up in quarters: off by an eighth at most, where steps are ten. */
    private static final int QUARTERS = 4;
    private static final int LIMIT = 128 * QUARTERS;
    private static final float ROUND = 0x1.8p23f;
    private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

    private final byte[] values;
    /** The codes in ascending order of their values, one of each value. */
    private final byte[] ascending = new byte[16];
    /** Between neighbours in that order; +Inf beyond the last. */
    private final float[] middles = new float[15];
    private final byte[] nearValues = new byte[2 * LIMIT + 1];

    private Codebook(byte[] values) {
        this.values = values;
        int count = 0;
        for (int value = Byte.MIN_VALUE; value <= Byte.MAX_VALUE; value++) {
            for (int code = 0; code < 16; code++) {
                if (values[code] == value) {
                    ascending[count++] = (byte) code;
                    break;
                }
            }
        }
        for (int i = 0; i < middles.length; i++) {
            middles[i] = i < count - 1
                    ? (values[ascending[i]] + values[ascending[i + 1]]) / 2f : Float.POSITIVE_INFINITY;
        }
        for (int quarter = -LIMIT; quarter <= LIMIT; quarter++) {
            nearValues[quarter + LIMIT] = values[nearest((float) quarter / QUARTERS)];
        }
    }

    int value(int code) {
        return values[code];
    }

    int least() {
        return values[ascending[0]];
    }

    int greatest() {
        return nearValues[2 * LIMIT];
    }

    /** The code of the value nearest to v: a binary search of four steps without branches. */
    int nearest(float v) {
        int i = v > middles[7] ? 8 : 0;
        i += v > middles[i + 3] ? 4 : 0;
        i += v > middles[i + 1] ? 2 : 0;
        i += v > middles[i] ? 1 : 0;
        return ascending[i];
    }

    /** A value near v, the nearest but for numbers half-way between two: quick, for trying many scales. */
    int near(float v) {
        int quarter = Float.floatToRawIntBits(v * QUARTERS + ROUND) - ROUND_BITS;
        return nearValues[Math.clamp(quarter, -LIMIT, LIMIT) + LIMIT];
    }
}
