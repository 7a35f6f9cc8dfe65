package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NormalHalfTest {
    @Test
    void everyHalfBelow128ComesBackExactly() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = Float.float16ToFloat((short) bits);
            int normal = NormalHalf.of((short) bits);
            if (Math.abs(value) < 128) {
                assertThat(NormalHalf.toFloat(normal)).isEqualTo(value);
                assertThat(normal).isBetween(0, 0xFFFF);
                int exponent = normal >>> 10 & 31;
                assertThat(exponent != 0 || (normal & 0x3FF) == 0).as("no subnormal: %x", normal).isTrue();
            } else {
                assertThat(normal).isEqualTo(NormalHalf.NONE);
            }
        }
    }

    @Test
    void powersOfTwoHaveTheSameBits() {
        for (int exponent = -40; exponent < 20; exponent++) {
            int expected = exponent < -24 || exponent > 6 ? NormalHalf.NONE
                    : NormalHalf.of(Float.floatToFloat16(Math.scalb(1f, exponent)));
            assertThat(NormalHalf.ofPowerOfTwo(exponent)).isEqualTo(expected);
        }
    }
}
