package io.lanewise.kernels;

import io.lanewise.parallel.ComputePool;

/**
 * What this machine can do at most, as our own kernels reach it. To judge a figure, measure the roof beside it with
 * {@link RoofMeter}.
 *
 * @param threads threads of the "all" figures
 * @param fmaOne billions of FP32 operations a second on one thread, a multiply-add counting two
 * @param fmaAll the same on all threads at once
 * @param readOne billions of bytes a second that one thread reads from memory
 * @param readAll the same on all threads at once
 */
public record Roofline(int threads, double fmaOne, double fmaAll, double readOne, double readAll) {
    private static final int ROUNDS = 4;

    /** Takes about two seconds and, for as long, a buffer of up to 1 GiB. */
    public static Roofline measure(ComputePool pool) {
        int threads = pool.threads();
        double fmaOne = 0;
        double fmaAll = 0;
        double readOne = 0;
        double readAll = 0;
        try (RoofMeter meter = new RoofMeter(threads)) {
            // The best round of each, since whatever disturbs makes it slower.
            for (int round = 0; round < ROUNDS; round++) {
                fmaOne = Math.max(fmaOne, meter.fma(1));
                fmaAll = Math.max(fmaAll, threads == 1 ? fmaOne : meter.fma(threads));
                readOne = Math.max(readOne, meter.read(1));
                readAll = Math.max(readAll, threads == 1 ? readOne : meter.read(threads));
            }
        }
        return new Roofline(threads, fmaOne, fmaAll, readOne, readAll);
    }
}
