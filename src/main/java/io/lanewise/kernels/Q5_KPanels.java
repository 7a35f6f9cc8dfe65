package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Q5_K: super-blocks of 256 weights of 5 bits with F16 scales d and dMin, and 8 blocks of 32 with a scale and a minimum
 * of 6 bits: w stands for d·scale·w - dMin·minimum. A panel is {@link FloatTile#VECTORS} strips, each of as many rows
 * as a vector has lanes. A strip's super-block, 184 bytes a row where the file has 176, is a run of int vectors whose
 * lanes are rows:
 *
 * <pre>
 *   d, dMin as F32 | 2 vectors of scales, 2 of minima | 8 times, for 32 k: low 4 bits of 8 k, 4 times | fifth bits
 *   low bits:   byte j holds k = j in its low half and k = 4 + j in its high half
 *   fifth bits: byte j holds k = 4m + j in bit m
 * </pre>
 *
 * <p>As in {@link Q6_KPanels}, shifts and ands put four weights into the upper five bits of a lane's bytes. The fifth
 * bit is stored inverted, which makes the byte 8·(w - 16); the 16 scales that are missing go with the minimum, times
 * Σx.
 */
final class Q5_KPanels extends PanelFormat {
    private static final int SUPER = 256;
    private static final int RAW_SUPER = 176;
    private static final int NR = FloatTile.NR;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final long SCALES = 2L * BYTES;
    private static final long MINIMA = 4L * BYTES;
    private static final long CODES = 6L * BYTES;
    private static final long SUPER_BYTES = 46L * BYTES;
    private static final int TOP_BYTE = 0xFF000000;
    private static final int LOW_BITS = 0x78787878;
    private static final int HIGH_BITS = 0x80808080;
    /** Takes back that a weight is met at 2^24 of a byte that is 8 times as large. */
    private static final float SCALE = 0x1p-27f;
    /** 16 weights, as they are met. */
    private static final float SIXTEEN = 0x1p31f;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    @Override
    long panelBytes(int inDim) {
        return FloatTile.VECTORS * stripBytes(inDim);
    }

    private static long stripBytes(int inDim) {
        return inDim / SUPER * SUPER_BYTES;
    }

    @Override
    void pack(MemorySegment raw, int rows, int inDim, MemorySegment panels, long at, MemorySegment floats) {
        if (rows < NR) {
            panels.asSlice(at, panelBytes(inDim)).fill((byte) 0);
        }
        int supers = inDim / SUPER;
        for (int row = 0; row < rows; row++) {
            long to = at + row / LANES * stripBytes(inDim) + row % LANES * 4L;
            for (int i = 0; i < supers; i++) {
                packSuper(raw, ((long) row * supers + i) * RAW_SUPER, panels, to + i * SUPER_BYTES);
            }
        }
    }

    private static void packSuper(MemorySegment raw, long from, MemorySegment panels, long to) {
        Bits.set32(panels, to, Float.floatToRawIntBits(Bits.f16(raw, from) * SCALE));
        Bits.set32(panels, to + BYTES, Float.floatToRawIntBits(Bits.f16(raw, from + 2)));
        for (int sub = 0; sub < 8; sub++) {
            long at = to + (sub >> 2) * (long) BYTES + (sub & 3);
            Bits.set8(panels, at + SCALES, SuperBlocks.scaleOfQ4_K(raw, from + 4, sub));
            Bits.set8(panels, at + MINIMA, SuperBlocks.minOfQ4_K(raw, from + 4, sub));
            long out = to + CODES + sub * 5L * BYTES;
            int fifths = 0;
            for (int eight = 0; eight < 4; eight++) {
                long low = from + 48 + (sub >> 1) * 32 + 8 * eight;
                int first = Bits.i32(raw, low) >>> (sub & 1) * 4 & 0x0F0F0F0F;
                int second = Bits.i32(raw, low + 4) >>> (sub & 1) * 4 & 0x0F0F0F0F;
                Bits.set32(panels, out + (long) eight * BYTES, first | second << 4);
                int top = Bits.i32(raw, from + 16 + 8 * eight) >>> sub & 0x01010101;
                int next = Bits.i32(raw, from + 20 + 8 * eight) >>> sub & 0x01010101;
                fifths |= (top | next << 1) << 2 * eight;
            }
            Bits.set32(panels, out + 4L * BYTES, ~fifths);
        }
    }

    @Override
    void unpack(MemorySegment panels, long at, int inDim, int k0, int depth, MemorySegment tile) {
        for (int strip = 0; strip < FloatTile.VECTORS; strip++) {
            unpackStrip(panels, at + strip * stripBytes(inDim), k0 / 8, depth / 8, tile, (long) strip * BYTES, TOP_BYTE,
                    LOW_BITS, HIGH_BITS, SIXTEEN);
        }
    }

    private static void unpackStrip(MemorySegment w, long w0, int eight0, int eights, MemorySegment tile, long to,
            int topByte, int lowBits, int highBits, float sixteen) {
        IntVector top = IntVector.broadcast(INT, topByte);
        IntVector lows = IntVector.broadcast(INT, lowBits);
        IntVector highs = IntVector.broadcast(INT, highBits);
        for (int i = 0; i < eights; i++) {
            int eight = eight0 + i & 31;
            long block = w0 + (eight0 + i >> 5) * SUPER_BYTES;
            long codes = block + CODES + (eight >> 2) * 5L * BYTES;
            long sub = block + (eight >> 4) * (long) BYTES;
            int shift = 24 - ((eight & 12) << 1);
            FloatVector scale = ((FloatVector) IntVector.fromMemorySegment(INT, w, sub + SCALES, LITTLE_ENDIAN)
                    .lanewise(LSHL, shift).lanewise(ASHR, 24).convert(I2F, 0))
                    .mul(FloatVector.fromMemorySegment(FLOAT, w, block, LITTLE_ENDIAN));
            FloatVector offset = scale.mul(sixteen).sub(((FloatVector) IntVector.fromMemorySegment(INT, w, sub + MINIMA,
                    LITTLE_ENDIAN).lanewise(LSHL, shift).lanewise(ASHR, 24).convert(I2F, 0))
                    .mul(FloatVector.fromMemorySegment(FLOAT, w, block + BYTES, LITTLE_ENDIAN)));
            IntVector low = IntVector.fromMemorySegment(INT, w, codes + (eight & 3) * (long) BYTES, LITTLE_ENDIAN);
            IntVector high = IntVector.fromMemorySegment(INT, w, codes + 4L * BYTES, LITTLE_ENDIAN)
                    .lanewise(LSHL, 6 - ((eight & 3) << 1));
            long t = to + 32L * i * NR;
            IntVector p = low.lanewise(LSHL, 3).and(lows).or(high.lanewise(LSHL, 1).and(highs));
            ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0)).fma(scale, offset)
                    .intoMemorySegment(tile, t, LITTLE_ENDIAN);
            ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0)).fma(scale, offset)
                    .intoMemorySegment(tile, t + 4L * NR, LITTLE_ENDIAN);
            ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0)).fma(scale, offset)
                    .intoMemorySegment(tile, t + 8L * NR, LITTLE_ENDIAN);
            ((FloatVector) p.and(top).convert(I2F, 0)).fma(scale, offset)
                    .intoMemorySegment(tile, t + 12L * NR, LITTLE_ENDIAN);
            IntVector q = low.lanewise(LSHR, 1).and(lows).or(high.and(highs));
            ((FloatVector) q.lanewise(LSHL, 24).convert(I2F, 0)).fma(scale, offset)
                    .intoMemorySegment(tile, t + 16L * NR, LITTLE_ENDIAN);
            ((FloatVector) q.lanewise(LSHL, 16).and(top).convert(I2F, 0)).fma(scale, offset)
                    .intoMemorySegment(tile, t + 20L * NR, LITTLE_ENDIAN);
            ((FloatVector) q.lanewise(LSHL, 8).and(top).convert(I2F, 0)).fma(scale, offset)
                    .intoMemorySegment(tile, t + 24L * NR, LITTLE_ENDIAN);
            ((FloatVector) q.and(top).convert(I2F, 0)).fma(scale, offset)
                    .intoMemorySegment(tile, t + 28L * NR, LITTLE_ENDIAN);
        }
    }

    @Override
    boolean takesRowsWhole() {
        return true;
    }

    @Override
    void multiplyRow(MemorySegment x, long x0, MemorySegment panels, long at, int inDim, int k0, int depth,
            MemorySegment c, long c0) {
        for (int strip = 0; strip < FloatTile.VECTORS; strip++) {
            rowOfStrip(x, x0, panels, at + strip * stripBytes(inDim), k0 / 8, depth / 8, c, c0 + (long) strip * BYTES,
                    TOP_BYTE, LOW_BITS, HIGH_BITS, SIXTEEN);
        }
    }

    private static void rowOfStrip(MemorySegment x, long xAt, MemorySegment w, long w0, int eight0, int eights,
            MemorySegment c, long c0, int topByte, int lowBits, int highBits, float sixteen) {
        FloatVector sum = FloatVector.zero(FLOAT);
        IntVector top = IntVector.broadcast(INT, topByte);
        IntVector lows = IntVector.broadcast(INT, lowBits);
        IntVector highs = IntVector.broadcast(INT, highBits);
        for (int i = 0; i < eights; i++) {
            int eight = eight0 + i & 31;
            long block = w0 + (eight0 + i >> 5) * SUPER_BYTES;
            long codes = block + CODES + (eight >> 2) * 5L * BYTES;
            long xk = xAt + i * 32L;
            float x0 = x.get(F32, xk);
            float x1 = x.get(F32, xk + 4);
            float x2 = x.get(F32, xk + 8);
            float x3 = x.get(F32, xk + 12);
            float x4 = x.get(F32, xk + 16);
            float x5 = x.get(F32, xk + 20);
            float x6 = x.get(F32, xk + 24);
            float x7 = x.get(F32, xk + 28);
            IntVector low = IntVector.fromMemorySegment(INT, w, codes + (eight & 3) * (long) BYTES, LITTLE_ENDIAN);
            IntVector high = IntVector.fromMemorySegment(INT, w, codes + 4L * BYTES, LITTLE_ENDIAN)
                    .lanewise(LSHL, 6 - ((eight & 3) << 1));
            IntVector p = low.lanewise(LSHL, 3).and(lows).or(high.lanewise(LSHL, 1).and(highs));
            FloatVector a0 = ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0))
                    .mul(FloatVector.broadcast(FLOAT, x0));
            FloatVector a1 = ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0))
                    .mul(FloatVector.broadcast(FLOAT, x1));
            a0 = ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x2), a0);
            a1 = ((FloatVector) p.and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x3), a1);
            IntVector q = low.lanewise(LSHR, 1).and(lows).or(high.and(highs));
            a0 = ((FloatVector) q.lanewise(LSHL, 24).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x4), a0);
            a1 = ((FloatVector) q.lanewise(LSHL, 16).and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x5), a1);
            a0 = ((FloatVector) q.lanewise(LSHL, 8).and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x6), a0);
            a1 = ((FloatVector) q.and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x7), a1);
            long sub = block + (eight >> 4) * (long) BYTES;
            int shift = 24 - ((eight & 12) << 1);
            FloatVector scale = ((FloatVector) IntVector.fromMemorySegment(INT, w, sub + SCALES, LITTLE_ENDIAN)
                    .lanewise(LSHL, shift).lanewise(ASHR, 24).convert(I2F, 0))
                    .mul(FloatVector.fromMemorySegment(FLOAT, w, block, LITTLE_ENDIAN));
            FloatVector offset = scale.mul(sixteen).sub(((FloatVector) IntVector.fromMemorySegment(INT, w, sub + MINIMA,
                    LITTLE_ENDIAN).lanewise(LSHL, shift).lanewise(ASHR, 24).convert(I2F, 0))
                    .mul(FloatVector.fromMemorySegment(FLOAT, w, block + BYTES, LITTLE_ENDIAN)));
            float xSum = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7));
            sum = a0.add(a1).fma(scale, offset.fma(FloatVector.broadcast(FLOAT, xSum), sum));
        }
        sum.intoMemorySegment(c, c0, LITTLE_ENDIAN);
    }
}
