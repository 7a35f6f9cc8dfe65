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
 * Q6_K: super-blocks of 256 weights of 6 bits with an F16 scale d and 16 scales of 8 bits: w stands for d·scale·(w -
 * 32). A panel is {@link FloatTile#VECTORS} strips, each of as many rows as a vector has lanes. A strip's
 * super-block, 212 bytes a row where the file has 210, is a run of int vectors whose lanes are rows:
 *
 * <pre>
 *   d as F32 | 4 vectors of scales, a byte each | 16 times, for 16 k: low 4 bits of k 0-7 | of k 8-15 | high 2 bits
 *   low bits:  byte j holds k = j in its low half and k = 4 + j in its high half
 *   high bits: byte j holds k = 4m + j in bits 2m and 2m + 1
 * </pre>
 *
 * <p>Two ands, shifts and an or put four weights into the upper six bits of a lane's bytes, and from there on it goes
 * as in {@link BytePanels}: the highest bit is stored inverted, which makes the byte 4·(w - 32).
 */
final class Q6_KPanels extends PanelFormat {
    private static final int SUPER = 256;
    private static final int RAW_SUPER = 210;
    private static final int NR = FloatTile.NR;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final long SCALES = BYTES;
    private static final long CODES = 5L * BYTES;
    private static final long SUPER_BYTES = 53L * BYTES;
    private static final int TOP_BYTE = 0xFF000000;
    private static final int LOW_BITS = 0x3C3C3C3C;
    private static final int HIGH_BITS = 0xC0C0C0C0;
    /** Takes back that a weight is met at 2^24 of a byte that is 4 times as large. */
    private static final float SCALE = 0x1p-26f;
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
        Bits.set32(panels, to, Float.floatToRawIntBits(Bits.f16(raw, from + 208) * SCALE));
        for (int i = 0; i < 4; i++) {
            Bits.set32(panels, to + SCALES + (long) i * BYTES, Bits.i32(raw, from + 192 + 4 * i));
        }
        for (int group = 0; group < 16; group++) {
            // 128 elements share 64 bytes of low bits and 32 of high bits, see SuperBlocks.decodeQ6_K.
            long low = from + (group >> 3) * 64 + (group & 3) * 16;
            int lowShift = (group >> 2 & 1) * 4;
            long high = from + 128 + (group >> 3) * 32 + (group & 1) * 16;
            int highShift = (group >> 1 & 3) * 2;
            long out = to + CODES + group * 3L * BYTES;
            int highs = 0;
            for (int half = 0; half < 2; half++) {
                int first = Bits.i32(raw, low + 8 * half) >>> lowShift & 0x0F0F0F0F;
                int second = Bits.i32(raw, low + 8 * half + 4) >>> lowShift & 0x0F0F0F0F;
                Bits.set32(panels, out + (long) half * BYTES, first | second << 4);
                int top = Bits.i32(raw, high + 8 * half) >>> highShift & 0x03030303;
                int next = Bits.i32(raw, high + 8 * half + 4) >>> highShift & 0x03030303;
                highs |= (top | next << 2) << 4 * half;
            }
            Bits.set32(panels, out + 2L * BYTES, highs ^ 0xAAAAAAAA);
        }
    }

    @Override
    void unpack(MemorySegment panels, long at, int inDim, int k0, int depth, MemorySegment tile) {
        for (int strip = 0; strip < FloatTile.VECTORS; strip++) {
            unpackStrip(panels, at + strip * stripBytes(inDim), k0 / 8, depth / 8, tile, (long) strip * BYTES, TOP_BYTE,
                    LOW_BITS, HIGH_BITS);
        }
    }

    private static void unpackStrip(MemorySegment w, long w0, int eight0, int eights, MemorySegment tile, long to,
            int topByte, int lowBits, int highBits) {
        IntVector top = IntVector.broadcast(INT, topByte);
        IntVector lows = IntVector.broadcast(INT, lowBits);
        IntVector highs = IntVector.broadcast(INT, highBits);
        for (int i = 0; i < eights; i++) {
            int eight = eight0 + i & 31;
            long block = w0 + (eight0 + i >> 5) * SUPER_BYTES;
            long codes = block + CODES + (eight >> 1) * 3L * BYTES;
            FloatVector scale = ((FloatVector) IntVector.fromMemorySegment(INT, w, block + SCALES
                    + (eight >> 3) * (long) BYTES, LITTLE_ENDIAN).lanewise(LSHL, 24 - ((eight & 6) << 2))
                    .lanewise(ASHR, 24).convert(I2F, 0))
                    .mul(FloatVector.fromMemorySegment(FLOAT, w, block, LITTLE_ENDIAN));
            IntVector low = IntVector.fromMemorySegment(INT, w, codes + (eight & 1) * BYTES, LITTLE_ENDIAN);
            IntVector high = IntVector.fromMemorySegment(INT, w, codes + 2L * BYTES, LITTLE_ENDIAN)
                    .lanewise(LSHL, 4 - ((eight & 1) << 2));
            long t = to + 32L * i * NR;
            IntVector p = low.lanewise(LSHL, 2).and(lows).or(high.lanewise(LSHL, 2).and(highs));
            ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0)).mul(scale).intoMemorySegment(tile, t, LITTLE_ENDIAN);
            ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0)).mul(scale)
                    .intoMemorySegment(tile, t + 4L * NR, LITTLE_ENDIAN);
            ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0)).mul(scale)
                    .intoMemorySegment(tile, t + 8L * NR, LITTLE_ENDIAN);
            ((FloatVector) p.and(top).convert(I2F, 0)).mul(scale).intoMemorySegment(tile, t + 12L * NR, LITTLE_ENDIAN);
            IntVector q = low.lanewise(LSHR, 2).and(lows).or(high.and(highs));
            ((FloatVector) q.lanewise(LSHL, 24).convert(I2F, 0)).mul(scale)
                    .intoMemorySegment(tile, t + 16L * NR, LITTLE_ENDIAN);
            ((FloatVector) q.lanewise(LSHL, 16).and(top).convert(I2F, 0)).mul(scale)
                    .intoMemorySegment(tile, t + 20L * NR, LITTLE_ENDIAN);
            ((FloatVector) q.lanewise(LSHL, 8).and(top).convert(I2F, 0)).mul(scale)
                    .intoMemorySegment(tile, t + 24L * NR, LITTLE_ENDIAN);
            ((FloatVector) q.and(top).convert(I2F, 0)).mul(scale).intoMemorySegment(tile, t + 28L * NR, LITTLE_ENDIAN);
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
                    TOP_BYTE, LOW_BITS, HIGH_BITS);
        }
    }

    private static void rowOfStrip(MemorySegment x, long x0, MemorySegment w, long w0, int eight0, int eights,
            MemorySegment c, long c0, int topByte, int lowBits, int highBits) {
        FloatVector sum = FloatVector.zero(FLOAT);
        IntVector top = IntVector.broadcast(INT, topByte);
        IntVector lows = IntVector.broadcast(INT, lowBits);
        IntVector highs = IntVector.broadcast(INT, highBits);
        for (int i = 0; i < eights; i++) {
            int eight = eight0 + i & 31;
            long block = w0 + (eight0 + i >> 5) * SUPER_BYTES;
            long codes = block + CODES + (eight >> 1) * 3L * BYTES;
            long xk = x0 + i * 32L;
            IntVector low = IntVector.fromMemorySegment(INT, w, codes + (eight & 1) * BYTES, LITTLE_ENDIAN);
            IntVector high = IntVector.fromMemorySegment(INT, w, codes + 2L * BYTES, LITTLE_ENDIAN)
                    .lanewise(LSHL, 4 - ((eight & 1) << 2));
            IntVector p = low.lanewise(LSHL, 2).and(lows).or(high.lanewise(LSHL, 2).and(highs));
            FloatVector a0 = ((FloatVector) p.lanewise(LSHL, 24).convert(I2F, 0))
                    .mul(FloatVector.broadcast(FLOAT, x.get(F32, xk)));
            FloatVector a1 = ((FloatVector) p.lanewise(LSHL, 16).and(top).convert(I2F, 0))
                    .mul(FloatVector.broadcast(FLOAT, x.get(F32, xk + 4)));
            a0 = ((FloatVector) p.lanewise(LSHL, 8).and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 8)), a0);
            a1 = ((FloatVector) p.and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 12)), a1);
            IntVector q = low.lanewise(LSHR, 2).and(lows).or(high.and(highs));
            a0 = ((FloatVector) q.lanewise(LSHL, 24).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 16)), a0);
            a1 = ((FloatVector) q.lanewise(LSHL, 16).and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 20)), a1);
            a0 = ((FloatVector) q.lanewise(LSHL, 8).and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 24)), a0);
            a1 = ((FloatVector) q.and(top).convert(I2F, 0))
                    .fma(FloatVector.broadcast(FLOAT, x.get(F32, xk + 28)), a1);
            FloatVector scale = ((FloatVector) IntVector.fromMemorySegment(INT, w, block + SCALES
                    + (eight >> 3) * (long) BYTES, LITTLE_ENDIAN).lanewise(LSHL, 24 - ((eight & 6) << 2))
                    .lanewise(ASHR, 24).convert(I2F, 0))
                    .mul(FloatVector.fromMemorySegment(FLOAT, w, block, LITTLE_ENDIAN));
            sum = a0.add(a1).fma(scale, sum);
        }
        sum.intoMemorySegment(c, c0, LITTLE_ENDIAN);
    }
}
