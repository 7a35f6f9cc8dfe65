package io.lanewise.kernels;

/**
 * F16 numbers in another 16 bits, which become floats in two operations and meet no subnormal on the way: a sign, 5 bits
 * of an exponent from 2^-24 on and the 10 bits of the fraction; exponent 0 is zero. Moved to the place of a float's sign,
 * exponent and fraction they are the number divided by 2^102, a normal float.
 *
 * <pre>
 *   low half of an int:   (v &lt;&lt; 16 &gt;&gt; 3) &amp; BITS       high half:   (v &gt;&gt; 3) &amp; BITS
 * </pre>
 *
 * <p>F16's own bits moved there are the number divided by 2^112, and its subnormals, below 6e-5 and so not rare among
 * weights and their scales, then are subnormal floats: each costs Intel's processors some 150 cycles. What has no such form
 * is 128 and more, Inf and NaN, which a trained model does not have.
 */
final class NormalHalf {
    /** Sign, exponent and fraction, once in place. */
    static final int BITS = 0x8FFFE000;
    /** What makes the float the number. */
    static final float SCALE = 0x1p102f;
    /** Square root of {@link #SCALE}: where x takes one of it and the sum the other, neither comes near a float's limits. */
    static final float HALF_SCALE = 0x1p51f;
    /** What {@link #of} returns for a number that has no such form. */
    static final int NONE = -1;

    private static final int FRACTION = 0x3FF;
    /** Between the exponents of F16 and these. */
    private static final int SHIFT = 10;

    private NormalHalf() {}

    /** The 16 bits for those of an F16 number, or {@link #NONE}. */
    static int of(short half) {
        int sign = half & 0x8000;
        int exponent = half >>> 10 & 31;
        int fraction = half & FRACTION;
        if (exponent == 0) {
            if (fraction == 0) {
                return sign;
            }
            int missing = Integer.numberOfLeadingZeros(fraction) - 21;
            return sign | (SHIFT + 1 - missing) << 10 | fraction << missing & FRACTION;
        }
        return exponent + SHIFT > 31 ? NONE : sign | exponent + SHIFT << 10 | fraction;
    }

    /** The 16 bits for 2^exponent, or {@link #NONE}. */
    static int ofPowerOfTwo(int exponent) {
        int own = exponent + 25;
        return own < 1 || own > 31 ? NONE : own << 10;
    }

    /** The number that 16 bits stand for. */
    static float toFloat(int bits) {
        return Float.intBitsToFloat((bits << 16 >> 3) & BITS) * SCALE;
    }
}
