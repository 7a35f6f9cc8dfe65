package io.lanewise.kernels;

import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * Fits a super-block of 256 floats: sub-blocks find their scales (and minima) first, the largest sets the scale of the
 * scales, then small integers are chosen for the sub-blocks by trying the neighbours of the rounded ones, and the scale
 * of the scales is set anew by least squares over all 256, as long as the error falls. Not for several threads.
 */
final class SuperFit {
    private static final int LENGTH = 256;
    private static final int ROUNDS = 3;

    /** Codes of the 256 elements. */
    final byte[] q = new byte[LENGTH];
    /** Integer scales of the sub-blocks. */
    final int[] scales = new int[16];
    /** Integer minima of the sub-blocks. */
    final int[] mins = new int[16];
    /** Scale of the scales. */
    short d;
    /** Scale of the minima. */
    short dMin;

    private final BlockFit fit = new BlockFit();
    private final float[] wantedScale = new float[16];
    private final float[] wantedMin = new float[16];
    private final int[] triedScales = new int[16];
    private final int[] triedMins = new int[16];
    private double error;

    /** Takes a super-block of floats. @throws IllegalArgumentException on NaN and infinities */
    void load(MemorySegment src, long from, DType dtype) {
        fit.load(src, from, LENGTH, dtype);
        error = Double.POSITIVE_INFINITY;
        d = 0;
        dMin = 0;
    }

    /** x ≈ d·scale·q - dMin·min with 0 ≤ q ≤ high and scales and minima from 0 to scaleHigh, n elements a sub-block. */
    void affine(int n, int high, int scaleHigh) {
        int subs = LENGTH / n;
        float maxScale = 0;
        float maxMin = 0;
        for (int sub = 0; sub < subs; sub++) {
            fit.fitScaleAndMin(sub * n, n, high, true);
            wantedScale[sub] = fit.scale;
            wantedMin[sub] = -fit.min;
            maxScale = Math.max(maxScale, wantedScale[sub]);
            maxMin = Math.max(maxMin, wantedMin[sub]);
        }
        short nextD = fit.half(maxScale / scaleHigh);
        short nextDMin = fit.half(maxMin / scaleHigh);
        for (int round = 0; round < ROUNDS && tryAffine(n, high, scaleHigh, nextD, nextDMin); round++) {
            double[] solved = solveAffine(n, high);
            nextD = fit.half((float) solved[0]);
            nextDMin = fit.half((float) solved[1]);
        }
        float unitScale = fit.ofHalf(d);
        float unitMin = fit.ofHalf(dMin);
        for (int sub = 0; sub < subs; sub++) {
            fit.codes(sub * n, n, unitScale * scales[sub], -unitMin * mins[sub], 0, high, q);
        }
    }

    /** Chooses integers for these scales; keeps all of it if the error falls. */
    private boolean tryAffine(int n, int high, int scaleHigh, short triedD, short triedDMin) {
        float unitScale = fit.ofHalf(triedD);
        float unitMin = fit.ofHalf(triedDMin);
        double total = 0;
        for (int sub = 0; sub < LENGTH / n; sub++) {
            int scale = nearest(wantedScale[sub], unitScale, 0, scaleHigh);
            int min = nearest(wantedMin[sub], unitMin, 0, scaleHigh);
            double best = fit.error(sub * n, n, unitScale * scale, -unitMin * min, 0, high);
            triedScales[sub] = scale;
            triedMins[sub] = min;
            for (int s = Math.max(0, scale - 1); s <= Math.min(scaleHigh, scale + 1); s++) {
                for (int m = Math.max(0, min - 1); m <= Math.min(scaleHigh, min + 1); m++) {
                    double e = fit.error(sub * n, n, unitScale * s, -unitMin * m, 0, high);
                    if (e < best) {
                        best = e;
                        triedScales[sub] = s;
                        triedMins[sub] = m;
                    }
                }
            }
            total += best;
        }
        return keepIfBetter(total, triedD, triedDMin);
    }

    /** The d and dMin of least squared error for the current integers and codes. */
    private double[] solveAffine(int n, int high) {
        float unitScale = fit.ofHalf(d);
        float unitMin = fit.ofHalf(dMin);
        double aa = 0;
        double ab = 0;
        double bb = 0;
        double xa = 0;
        double xb = 0;
        for (int sub = 0; sub < LENGTH / n; sub++) {
            int at = sub * n;
            float s = unitScale * scales[sub];
            fit.sum(at, n, s == 0 ? 0 : 1 / s, -unitMin * mins[sub], 0, high);
            aa += scales[sub] * scales[sub] * fit.sumQQ();
            ab += scales[sub] * mins[sub] * fit.sumQ();
            bb += (double) mins[sub] * mins[sub] * n;
            xa += scales[sub] * fit.sumXQ();
            xb += mins[sub] * fit.sumX(at, n);
        }
        double determinant = aa * bb - ab * ab;
        if (determinant <= 0) {
            return new double[] {aa == 0 ? unitScale : xa / aa, unitMin};
        }
        return new double[] {(xa * bb - xb * ab) / determinant, Math.max(0, (xa * ab - xb * aa) / determinant)};
    }

    /** x ≈ d·scale·q with low ≤ q ≤ high and scaleLow ≤ scale ≤ scaleHigh, 16 elements a sub-block. */
    void symmetric(int low, int high, int scaleLow, int scaleHigh) {
        for (int sub = 0; sub < 16; sub++) {
            fit.fitScale(sub * 16, 16, low, high);
            wantedScale[sub] = fit.scale;
        }
        fitScales(16, scaleLow, scaleHigh, new Codes() {
            @Override
            public double error(int at, float s) {
                return fit.error(at, 16, s, 0, low, high);
            }

            @Override
            public void set(int at, float s) {
                fit.codes(at, 16, s, 0, low, high, q);
                fit.sum(at, 16, s == 0 ? 0 : 1 / s, 0, low, high);
            }
        });
    }

    /** x ≈ d·scale·(a value of the table) with scaleLow ≤ scale ≤ scaleHigh, 32 elements a sub-block. */
    void table(Codebook table, int scaleLow, int scaleHigh) {
        for (int sub = 0; sub < 8; sub++) {
            fit.fitTable(sub * 32, 32, table);
            wantedScale[sub] = fit.scale;
        }
        fitScales(32, scaleLow, scaleHigh, new Codes() {
            @Override
            public double error(int at, float s) {
                return fit.error(at, 32, s, table);
            }

            @Override
            public void set(int at, float s) {
                fit.codes(at, 32, s, table, q);
            }
        });
    }

    /** The codes of one sub-block under a scale. */
    private interface Codes {
        /** Their squared error. */
        double error(int at, float s);

        /** Writes them to {@link #q} and leaves the sums over them in {@link #fit}. */
        void set(int at, float s);
    }

    /** Finds d and integer scales for sub-blocks of n elements that want {@link #wantedScale}, and sets the codes. */
    private void fitScales(int n, int scaleLow, int scaleHigh, Codes codes) {
        int subs = LENGTH / n;
        short next = fit.half(largestWanted(subs) / scaleLow);
        for (int round = 0; round < ROUNDS && tryScales(n, scaleLow, scaleHigh, next, codes); round++) {
            next = solveScale(n, codes);
        }
        solveScale(n, codes);
    }

    private boolean tryScales(int n, int scaleLow, int scaleHigh, short triedD, Codes codes) {
        float unit = fit.ofHalf(triedD);
        double total = 0;
        for (int sub = 0; sub < LENGTH / n; sub++) {
            int scale = nearest(wantedScale[sub], unit, scaleLow, scaleHigh);
            double best = codes.error(sub * n, unit * scale);
            triedScales[sub] = scale;
            for (int s = Math.max(scaleLow, scale - 1); s <= Math.min(scaleHigh, scale + 1); s++) {
                double e = codes.error(sub * n, unit * s);
                if (e < best) {
                    best = e;
                    triedScales[sub] = s;
                }
            }
            total += best;
        }
        return keepIfBetter(total, triedD, (short) 0);
    }

    /** Sets the codes for the current d and scales; returns the d of least squared error for them. */
    private short solveScale(int n, Codes codes) {
        float unit = fit.ofHalf(d);
        double aa = 0;
        double xa = 0;
        for (int sub = 0; sub < LENGTH / n; sub++) {
            codes.set(sub * n, unit * scales[sub]);
            aa += scales[sub] * scales[sub] * fit.sumQQ();
            xa += scales[sub] * fit.sumXQ();
        }
        return aa == 0 ? d : fit.half((float) (xa / aa));
    }

    private boolean keepIfBetter(double total, short triedD, short triedDMin) {
        if (total >= error) {
            return false;
        }
        error = total;
        d = triedD;
        dMin = triedDMin;
        System.arraycopy(triedScales, 0, scales, 0, 16);
        System.arraycopy(triedMins, 0, mins, 0, 16);
        return true;
    }

    private float largestWanted(int subs) {
        float largest = 0;
        for (int sub = 0; sub < subs; sub++) {
            largest = Math.abs(wantedScale[sub]) > Math.abs(largest) ? wantedScale[sub] : largest;
        }
        return largest;
    }

    private static int nearest(float wanted, float unit, int low, int high) {
        return unit == 0 ? 0 : Math.clamp(Math.round(wanted / unit), low, high);
    }
}
