package io.lanewise.kernels;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Units of work for threads that each want their next unit beside their last, since memory is read fastest in long runs:
 * every worker has a range of its own, takes its units from the front, and when it has none left from the back of
 * another's. Allocates nothing after construction.
 */
final class Claims {
    /** Longs from one range to the next: two cache lines, so that workers do not disturb each other. */
    private static final int STRIDE = 16;

    private final int workers;
    /** A range: its first unit in the upper half, its end in the lower. */
    private final AtomicLongArray ranges;

    Claims(int workers) {
        this.workers = workers;
        this.ranges = new AtomicLongArray(workers * STRIDE);
    }

    /** Gives out units 0 to {@code units} anew; while no worker takes any. */
    void reset(int units) {
        for (int worker = 0; worker < workers; worker++) {
            long from = (long) units * worker / workers;
            long to = (long) units * (worker + 1) / workers;
            ranges.set(worker * STRIDE, from << 32 | to);
        }
    }

    /** The next unit for a worker, or -1 if all are taken. */
    int next(int worker) {
        for (int i = 0; i < workers; i++) {
            int owner = (worker + i) % workers;
            long range = ranges.get(owner * STRIDE);
            while (range >>> 32 < (range & 0xFFFFFFFFL)) {
                long rest = i == 0 ? range + (1L << 32) : range - 1;
                if (ranges.compareAndSet(owner * STRIDE, range, rest)) {
                    return i == 0 ? (int) (range >>> 32) : (int) rest;
                }
                range = ranges.get(owner * STRIDE);
            }
        }
        return -1;
    }
}
