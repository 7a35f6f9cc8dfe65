package io.lanewise.kernels;

import static io.lanewise.kernels.Bits.i16;
import static io.lanewise.kernels.Bits.i32;
import static io.lanewise.kernels.Bits.i8;
import static io.lanewise.kernels.Bits.u8;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Blocks of codes as files have them, taken apart: codes as a byte each, scales as numbers. One constant a type; what the fields
 * are stands with the decoders in {@link SmallBlocks} and {@link SuperBlocks}.
 */
enum RawBlocks {
    Q4_0(32, 18) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            nibbles(raw, at + 2, 16, codes, to);
        }
    },

    Q4_1(32, 20) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            nibbles(raw, at + 4, 16, codes, to);
        }

        @Override
        int minimum(MemorySegment raw, long at) {
            return NormalHalf.of(i16(raw, at + 2));
        }
    },

    Q5_0(32, 22) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            nibbles(raw, at + 6, 16, codes, to);
            addBits(i32(raw, at + 2), codes, to);
        }
    },

    Q5_1(32, 24) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            nibbles(raw, at + 8, 16, codes, to);
            addBits(i32(raw, at + 4), codes, to);
        }

        @Override
        int minimum(MemorySegment raw, long at) {
            return NormalHalf.of(i16(raw, at + 2));
        }
    },

    IQ4_NL(32, 18) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            nibbles(raw, at + 2, 16, codes, to);
        }
    },

    MXFP4(32, 17) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            nibbles(raw, at + 1, 16, codes, to);
        }

        /** A power of two, half of what the exponent says since the book's values are doubled; 0 for a block of zeros. */
        @Override
        int scale(MemorySegment raw, long at) {
            long first = raw.get(LONG, at + 1);
            long second = raw.get(LONG, at + 9);
            if (((first | second) & 0x7777777777777777L) == 0) {
                return 0;
            }
            return NormalHalf.ofPowerOfTwo(u8(raw, at) - 128);
        }
    },

    Q2_K(256, 84) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            for (int i = 0; i < 256; i += 8) {
                long from = at + 16 + (i >> 7) * 32 + (i & 31);
                codes.set(LONG, to + i, raw.get(LONG, from) >>> (i >> 5 & 3) * 2 & 0x0303030303030303L);
            }
        }

        @Override
        int scale(MemorySegment raw, long at) {
            return NormalHalf.of(i16(raw, at + 80));
        }

        @Override
        int minimum(MemorySegment raw, long at) {
            return NormalHalf.of(i16(raw, at + 82));
        }

        @Override
        int subScale(MemorySegment raw, long at, int sub) {
            return u8(raw, at + sub) & 0xF;
        }

        @Override
        int subMinimum(MemorySegment raw, long at, int sub) {
            return u8(raw, at + sub) >> 4;
        }
    },

    Q3_K(256, 110) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            for (int i = 0; i < 256; i += 8) {
                long low = raw.get(LONG, at + 32 + (i >> 7) * 32 + (i & 31)) >>> (i >> 5 & 3) * 2 & 0x0303030303030303L;
                long third = raw.get(LONG, at + (i & 31)) >>> (i >> 5) & ONES;
                codes.set(LONG, to + i, low | third << 2);
            }
        }

        @Override
        int scale(MemorySegment raw, long at) {
            return NormalHalf.of(i16(raw, at + 108));
        }

        @Override
        int subScale(MemorySegment raw, long at, int sub) {
            return SuperBlocks.scaleOfQ3_K(raw, at + 96, sub) - 32;
        }
    },

    Q4_K(256, 144) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            for (int i = 0; i < 4; i++) {
                nibbles(raw, at + 16 + 32 * i, 32, codes, to + 64 * i);
            }
        }

        @Override
        int minimum(MemorySegment raw, long at) {
            return NormalHalf.of(i16(raw, at + 2));
        }

        @Override
        int subScale(MemorySegment raw, long at, int sub) {
            return SuperBlocks.scaleOfQ4_K(raw, at + 4, sub);
        }

        @Override
        int subMinimum(MemorySegment raw, long at, int sub) {
            return SuperBlocks.minOfQ4_K(raw, at + 4, sub);
        }
    },

    Q5_K(256, 176) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            for (int i = 0; i < 4; i++) {
                nibbles(raw, at + 48 + 32 * i, 32, codes, to + 64 * i);
            }
            for (int i = 0; i < 256; i += 8) {
                long fifth = raw.get(LONG, at + 16 + (i & 31)) >>> (i >> 5) & ONES;
                codes.set(LONG, to + i, codes.get(LONG, to + i) | fifth << 4);
            }
        }

        @Override
        int minimum(MemorySegment raw, long at) {
            return NormalHalf.of(i16(raw, at + 2));
        }

        @Override
        int subScale(MemorySegment raw, long at, int sub) {
            return SuperBlocks.scaleOfQ4_K(raw, at + 4, sub);
        }

        @Override
        int subMinimum(MemorySegment raw, long at, int sub) {
            return SuperBlocks.minOfQ4_K(raw, at + 4, sub);
        }
    },

    Q6_K(256, 210) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            for (int i = 0; i < 256; i += 8) {
                long low = raw.get(LONG, at + (i >> 7) * 64 + (i & 63)) >>> (i >> 6 & 1) * 4 & NIBBLES;
                long high = raw.get(LONG, at + 128 + (i >> 7) * 32 + (i & 31)) >>> (i >> 5 & 3) * 2 & 0x0303030303030303L;
                codes.set(LONG, to + i, low | high << 4);
            }
        }

        @Override
        int scale(MemorySegment raw, long at) {
            return NormalHalf.of(i16(raw, at + 208));
        }

        @Override
        int subScale(MemorySegment raw, long at, int sub) {
            return i8(raw, at + 192 + sub);
        }
    },

    IQ4_XS(256, 136) {
        @Override
        void codes(MemorySegment raw, long at, MemorySegment codes, long to) {
            for (int i = 0; i < 8; i++) {
                nibbles(raw, at + 8 + 16 * i, 16, codes, to + 32 * i);
            }
        }

        @Override
        int subScale(MemorySegment raw, long at, int sub) {
            return SuperBlocks.scaleOfIQ4_XS(raw, at, sub) - 32;
        }
    };

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long NIBBLES = 0x0F0F0F0F0F0F0F0FL;
    private static final long ONES = 0x0101010101010101L;

    private final int length;
    private final int bytes;

    RawBlocks(int length, int bytes) {
        this.length = length;
        this.bytes = bytes;
    }

    /** k of a block or super-block. */
    int length() {
        return length;
    }

    /** Bytes of a block or super-block. */
    int bytes() {
        return bytes;
    }

    /** Writes the codes of the block at byte {@code at}, a byte each, from byte {@code to} of codes on. */
    abstract void codes(MemorySegment raw, long at, MemorySegment codes, long to);

    /** The block's scale, or the scale of its scales, as {@link NormalHalf}. */
    int scale(MemorySegment raw, long at) {
        return NormalHalf.of(i16(raw, at));
    }

    /** What a weight of 0 stands for, or the scale of what is subtracted, as {@link NormalHalf}. */
    int minimum(MemorySegment raw, long at) {
        return 0;
    }

    /** A whole number that the scale of part {@code sub} of a super-block is a multiple of. */
    int subScale(MemorySegment raw, long at, int sub) {
        return 0;
    }

    int subMinimum(MemorySegment raw, long at, int sub) {
        return 0;
    }

    /** 2·count codes: low halves of {@code count} bytes, then the high halves. */
    private static void nibbles(MemorySegment raw, long at, int count, MemorySegment codes, long to) {
        for (int i = 0; i < count; i += 8) {
            long both = raw.get(LONG, at + i);
            codes.set(LONG, to + i, both & NIBBLES);
            codes.set(LONG, to + count + i, both >>> 4 & NIBBLES);
        }
    }

    /** Bit i of {@code bits} becomes bit 4 of code i, for 32 codes. */
    private static void addBits(int bits, MemorySegment codes, long to) {
        for (int i = 0; i < 32; i += 8) {
            codes.set(LONG, to + i, codes.get(LONG, to + i) | Long.expand(bits >>> i & 0xFF, ONES << 4));
        }
    }
}
