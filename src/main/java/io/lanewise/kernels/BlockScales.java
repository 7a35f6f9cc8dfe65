package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * How the scales of coded weights lie, in one stream behind those of {@link CodePacking}: for a block, or a super-block, int
 * vectors of the first pair of vectors of rows, then those of the second; lane l has row l in its low half and row L + l in its
 * high half:
 *
 * <pre>
 *   scale as NormalHalf | minimum as NormalHalf, where there is one | of super-blocks: whole scales, a byte each, of two parts a
 *   vector | their minima likewise; joined: scales and minima as the halves of the same bytes
 * </pre>
 */
final class BlockScales {
    private static final int NR = FloatTile.NR;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final VectorSpecies<Integer> INT = Lanes.INT;
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;

    /** Whether there are minima, and whether they are added to (or subtracted from) scale · weight. */
    enum Minima { NONE, ADDED, SUBTRACTED, SUBTRACTED_JOINED }

    private final RawBlocks raw;
    private final int parts;
    private final int block;
    private final Minima minima;
    private final long superBytes;

    /**
     * @param raw what files have
     * @param parts of a super-block, each with a whole scale; 1 for blocks that are no super-blocks
     */
    BlockScales(RawBlocks raw, int parts, Minima minima) {
        this.raw = raw;
        this.parts = parts;
        this.block = raw.length() / parts;
        this.minima = minima;
        int vectors = hasMinima() ? 2 : 1;
        if (parts > 1) {
            vectors += parts / 2 * (hasMinima() && minima != Minima.SUBTRACTED_JOINED ? 2 : 1);
        }
        this.superBytes = vectors * (long) BYTES;
    }

    /** k that have one scale. */
    int block() {
        return block;
    }

    boolean hasMinima() {
        return minima != Minima.NONE;
    }

    /** Bytes from a block or super-block of a pair to its next; those of the other pair lie between. */
    long step() {
        return CodePacking.PAIRS * superBytes;
    }

    /** Bytes of a pair's block or super-block. */
    long superBytes() {
        return superBytes;
    }

    /** Byte of the whole scales in a super-block. */
    long subAt() {
        return (hasMinima() ? 2L : 1L) * BYTES;
    }

    private long subMinimaAt() {
        return minima == Minima.SUBTRACTED_JOINED ? subAt() : subAt() + parts / 2 * (long) BYTES;
    }

    /** Bytes of a panel. */
    long bytes(int inDim) {
        return inDim / raw.length() * step();
    }

    /** Writes the scales of the row at byte {@code from}, its lane and half at byte {@code to}; false if one cannot be held. */
    boolean packRow(MemorySegment rows, long from, int inDim, MemorySegment memory, long to) {
        int all = 0;
        int length = raw.length();
        long bytes = raw.bytes();
        long step = step();
        boolean minimum = hasMinima();
        for (int k = 0; k < inDim; k += length, from += bytes, to += step) {
            int scale = raw.scale(rows, from);
            all |= scale;
            Bits.set16(memory, to, scale);
            if (minimum) {
                int offset = raw.minimum(rows, from);
                all |= offset;
                Bits.set16(memory, to + BYTES, offset);
            }
            if (parts > 1) {
                packParts(rows, from, memory, to);
            }
        }
        return all >= 0;
    }

    private void packParts(MemorySegment rows, long from, MemorySegment memory, long to) {
        for (int part = 0; part < parts; part += 2) {
            int first = raw.subScale(rows, from, part) & 0xFF;
            int second = raw.subScale(rows, from, part + 1) & 0xFF;
            long at = to + subAt() + part / 2 * (long) BYTES;
            if (minima == Minima.SUBTRACTED_JOINED) {
                first |= raw.subMinimum(rows, from, part) << 4;
                second |= raw.subMinimum(rows, from, part + 1) << 4;
            } else if (hasMinima()) {
                Bits.set16(memory, at + parts / 2 * (long) BYTES,
                        raw.subMinimum(rows, from, part) | raw.subMinimum(rows, from, part + 1) << 8);
            }
            Bits.set16(memory, at, first | second << 8);
        }
    }

    /** Writes zeros in place of a row. */
    void clearRow(int inDim, MemorySegment memory, long to) {
        for (int k = 0; k < inDim; k += raw.length(), to += step()) {
            Transpose.scatterZeroHalves((int) (superBytes() / BYTES), memory, to, BYTES);
        }
    }

    /**
     * The scales of one pair as floats, and what a code of 0 stands for.
     *
     * @param s0 byte of the pair's scales in the panel
     * @param zero the code that stands for 0 where there are no minima
     * @param scales floats [blocks, NR]; offsets likewise
     * @param column byte of the pair within a row of both
     */
    void unpack(MemorySegment w, long s0, int block0, int blocks, int zero, MemorySegment scales, MemorySegment offsets,
            long column) {
        for (int i = 0; i < blocks; i++) {
            int part = (block0 + i) % parts;
            long at = s0 + (block0 + i) / parts * step();
            long to = column + i * NR * 4L;
            int shift = part % 2 * 8;
            long sub = part / 2 * (long) BYTES;
            int low = minima == Minima.SUBTRACTED_JOINED ? 4 : 0;
            numbers(w, at, parts == 1 ? -1 : at + subAt() + sub, shift, 8 - low, 1f, scales, to);
            switch (minima) {
                case NONE -> times(scales, to, -zero, offsets);
                case ADDED -> numbers(w, at + BYTES, -1, 0, 0, 1f, offsets, to);
                default -> numbers(w, at + BYTES, at + subMinimaAt() + sub, shift + low, 8 - low, -1f, offsets, to);
            }
        }
    }

    /** to [2 vectors] = factor · the half at {@code at} · the signed whole number of some bits at {@code wholes}, if there. */
    private static void numbers(MemorySegment w, long at, long wholes, int shift, int bits, float factor, MemorySegment to,
            long t) {
        IntVector d = IntVector.fromMemorySegment(INT, w, at, LITTLE_ENDIAN);
        FloatVector low = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(NormalHalf.BITS).reinterpretAsFloats()
                .mul(NormalHalf.SCALE);
        FloatVector high = d.lanewise(ASHR, 3).and(NormalHalf.BITS).reinterpretAsFloats().mul(NormalHalf.SCALE);
        if (wholes >= 0) {
            IntVector u = IntVector.fromMemorySegment(INT, w, wholes, LITTLE_ENDIAN);
            // Bytes are signed; halves of bytes are not, and a byte of a minimum has no sign either: 63 at most.
            IntVector lows = u.lanewise(LSHL, 32 - shift - bits);
            IntVector highs = u.lanewise(LSHL, 16 - shift - bits);
            if (bits == 8) {
                low = low.mul((FloatVector) lows.lanewise(ASHR, 24).convert(I2F, 0));
                high = high.mul((FloatVector) highs.lanewise(ASHR, 24).convert(I2F, 0));
            } else {
                low = low.mul((FloatVector) lows.lanewise(LSHR, 28).convert(I2F, 0));
                high = high.mul((FloatVector) highs.lanewise(LSHR, 28).convert(I2F, 0));
            }
        }
        low.mul(factor).intoMemorySegment(to, t, LITTLE_ENDIAN);
        high.mul(factor).intoMemorySegment(to, t + BYTES, LITTLE_ENDIAN);
    }

    private static void times(MemorySegment scales, long at, float factor, MemorySegment offsets) {
        FloatVector.fromMemorySegment(FLOAT, scales, at, LITTLE_ENDIAN).mul(factor).intoMemorySegment(offsets, at, LITTLE_ENDIAN);
        FloatVector.fromMemorySegment(FLOAT, scales, at + BYTES, LITTLE_ENDIAN).mul(factor)
                .intoMemorySegment(offsets, at + BYTES, LITTLE_ENDIAN);
    }

    /**
     * c [2 vectors of rows] += Σ over blocks of minimum · Σx, for one pair; not for joined minima.
     *
     * @param sums Σx of blocks, times {@link NormalHalf#HALF_SCALE}
     * @param s0 byte of the pair's scales in the panel
     * @param c0 byte of the pair's rows
     */
    void addMinima(float[] sums, int blocks, MemorySegment w, long s0, MemorySegment c, long c0) {
        if (minima == Minima.ADDED) {
            addHalves(sums, blocks, w, s0 + BYTES, step(), c, c0);
        } else {
            subtractWholes(sums, blocks, w, s0 + BYTES, step(), subMinimaAt() - BYTES, Integer.numberOfTrailingZeros(parts), c,
                    c0);
        }
    }

    private static void addHalves(float[] sums, int blocks, MemorySegment w, long s0, long step, MemorySegment c, long c0) {
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        for (int b = 0; b < blocks; b++) {
            FloatVector sum = FloatVector.broadcast(FLOAT, sums[b]);
            IntVector d = IntVector.fromMemorySegment(INT, w, s0 + b * step, LITTLE_ENDIAN);
            y0 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(NormalHalf.BITS).reinterpretAsFloats().fma(sum, y0);
            y1 = d.lanewise(ASHR, 3).and(NormalHalf.BITS).reinterpretAsFloats().fma(sum, y1);
        }
        FloatVector.fromMemorySegment(FLOAT, c, c0, LITTLE_ENDIAN).add(y0.mul(NormalHalf.HALF_SCALE))
                .intoMemorySegment(c, c0, LITTLE_ENDIAN);
        FloatVector.fromMemorySegment(FLOAT, c, c0 + BYTES, LITTLE_ENDIAN).add(y1.mul(NormalHalf.HALF_SCALE))
                .intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
    }

    private static void subtractWholes(float[] sums, int blocks, MemorySegment w, long s0, long step, long wholesAt, int log,
            MemorySegment c, long c0) {
        FloatVector y0 = FloatVector.zero(FLOAT);
        FloatVector y1 = y0;
        FloatVector z0 = y0;
        FloatVector z1 = y0;
        int last = (1 << log) - 1;
        for (int b = 0; b < blocks; b++) {
            long at = s0 + (b >> log) * step;
            FloatVector sum = FloatVector.broadcast(FLOAT, sums[b]);
            IntVector low = IntVector.broadcast(INT, (b & 1) << 3);
            IntVector high = IntVector.broadcast(INT, 16 + ((b & 1) << 3));
            IntVector u = IntVector.fromMemorySegment(INT, w, at + wholesAt + ((b & last) >> 1) * (long) BYTES, LITTLE_ENDIAN);
            z0 = ((FloatVector) u.lanewise(LSHR, low).and(0xFF).convert(I2F, 0)).fma(sum, z0);
            z1 = ((FloatVector) u.lanewise(LSHR, high).and(0xFF).convert(I2F, 0)).fma(sum, z1);
            if ((b & last) == last) {
                IntVector d = IntVector.fromMemorySegment(INT, w, at, LITTLE_ENDIAN);
                y0 = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(NormalHalf.BITS).reinterpretAsFloats().fma(z0, y0);
                y1 = d.lanewise(ASHR, 3).and(NormalHalf.BITS).reinterpretAsFloats().fma(z1, y1);
                z0 = FloatVector.zero(FLOAT);
                z1 = z0;
            }
        }
        FloatVector.fromMemorySegment(FLOAT, c, c0, LITTLE_ENDIAN).sub(y0.mul(NormalHalf.HALF_SCALE))
                .intoMemorySegment(c, c0, LITTLE_ENDIAN);
        FloatVector.fromMemorySegment(FLOAT, c, c0 + BYTES, LITTLE_ENDIAN).sub(y1.mul(NormalHalf.HALF_SCALE))
                .intoMemorySegment(c, c0 + BYTES, LITTLE_ENDIAN);
    }
}
