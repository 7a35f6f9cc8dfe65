package io.lanewise.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Computes rows of cosines and sines for {@link Rope}, in double precision. Immutable and shared by threads: a session
 * keeps room for the rows of one batch and fills them once a forward pass (64 pairs cost about 3 us), so that long
 * contexts cost neither memory nor start-up.
 */
public final class RopeTable {
    private final RopeStyle style;
    private final int ropeDim;
    /** Radians a position of each pair, scaling included. */
    private final double[] frequency;
    /** Factor on cosines and sines. */
    private final double magnitude;

    /**
     * @param ropeDim dimensions of a head that turn, even
     * @param base of the angles, 10,000 in the paper
     */
    public RopeTable(RopeStyle style, int ropeDim, double base, RopeScaling scaling) {
        if (ropeDim < 2 || ropeDim % 2 != 0 || !(base > 0)) {
            throw new IllegalArgumentException(
                    "RoPE: expected an even dimension from 2 on and a base above 0, got " + ropeDim + " and " + base);
        }
        float[] factors = scaling.freqFactors();
        if (factors != null && factors.length < ropeDim / 2) {
            throw new IllegalArgumentException(
                    "RoPE: expected " + ropeDim / 2 + " frequency factors, got " + factors.length);
        }
        this.style = style;
        this.ropeDim = ropeDim;
        this.frequency = new double[ropeDim / 2];
        for (int i = 0; i < frequency.length; i++) {
            double plain = Math.pow(base, -2.0 * i / ropeDim) / (factors == null ? 1 : factors[i]);
            double share = extrapolated(i, ropeDim, base, scaling);
            frequency[i] = plain * (scaling.freqScale() * (1 - share) + share);
        }
        boolean yarn = scaling.extFactor() != 0;
        this.magnitude = scaling.attnFactor() * (yarn ? 1 + 0.1 * Math.log(1 / scaling.freqScale()) : 1);
    }

    /** YaRN: how much of pair i's angle is extrapolated, from 1 (turns often) falling to 0 (turns seldom). */
    private static double extrapolated(int i, int ropeDim, double base, RopeScaling scaling) {
        if (scaling.extFactor() == 0) {
            return 0;
        }
        double low = Math.max(0, Math.floor(pairOfTurns(scaling.betaFast(), ropeDim, base, scaling)));
        double high = Math.min(ropeDim - 1, Math.ceil(pairOfTurns(scaling.betaSlow(), ropeDim, base, scaling)));
        double ramp = (i - low) / Math.max(0.001, high - low);
        return (1 - Math.clamp(ramp, 0.0, 1.0)) * scaling.extFactor();
    }

    /** The (fractional) pair that turns this often over the original context. */
    private static double pairOfTurns(double turns, int ropeDim, double base, RopeScaling scaling) {
        return ropeDim * Math.log(scaling.originalContext() / (turns * 2 * Math.PI)) / (2 * Math.log(base));
    }

    public RopeStyle style() {
        return style;
    }

    public int ropeDim() {
        return ropeDim;
    }

    /** Floats a row: ropeDim for half-split, twice that for interleaved. */
    public int rowLength() {
        return style == RopeStyle.INTERLEAVED ? 2 * ropeDim : ropeDim;
    }

    /** Writes the row of {@code position} to cosSin [rowLength] from {@code csOff} on. */
    public void fillRow(int position, MemorySegment cosSin, long csOff) {
        int pairs = ropeDim / 2;
        for (int i = 0; i < pairs; i++) {
            double angle = position * frequency[i];
            float cos = (float) (Math.cos(angle) * magnitude);
            float sin = (float) (Math.sin(angle) * magnitude);
            if (style == RopeStyle.HALF_SPLIT) {
                Floats.set(cosSin, csOff + i, cos);
                Floats.set(cosSin, csOff + pairs + i, sin);
            } else {
                Floats.set(cosSin, csOff + 2 * i, cos);
                Floats.set(cosSin, csOff + 2 * i + 1, cos);
                Floats.set(cosSin, csOff + ropeDim + 2 * i, -sin);
                Floats.set(cosSin, csOff + ropeDim + 2 * i + 1, sin);
            }
        }
    }

    /** Writes the rows of {@code rows} positions from {@code startPos} on to cosSin [rows, rowLength]. */
    public void fill(int startPos, int rows, MemorySegment cosSin, long csOff) {
        for (int row = 0; row < rows; row++) {
            fillRow(startPos + row, cosSin, csOff + (long) row * rowLength());
        }
    }

    /** Turns nHeads heads at x, headDim floats apart, by the row at {@code csOff}; see {@link Rope}. */
    public void apply(MemorySegment x, long off, int nHeads, int headDim, MemorySegment cosSin, long csOff) {
        if (style == RopeStyle.INTERLEAVED) {
            Rope.interleaved(x, off, nHeads, headDim, ropeDim, cosSin, csOff);
        } else {
            Rope.halfSplit(x, off, nHeads, headDim, ropeDim, cosSin, csOff);
        }
    }
}
