package io.lanewise.train;

/**
 * A random generator whose whole state is one number, so that a checkpoint can keep it: SplitMix64 (Steele, Lea and
 * Flood, OOPSLA 2014). Not for several threads at once.
 */
public final class RandomState {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private long state;

    public RandomState(long seed) {
        state = seed;
    }

    /** What to give to a new generator so that it goes on as this one would. */
    public long state() {
        return state;
    }

    /** Goes on from a saved state. */
    public void restore(long saved) {
        state = saved;
    }

    public long nextLong() {
        state += GOLDEN_GAMMA;
        long z = state;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** Uniform in [0, bound), by the high half of a 128-bit product: off by less than bound / 2^64. */
    public long nextLong(long bound) {
        if (bound < 1) {
            throw new IllegalArgumentException("bound: expected at least 1, got " + bound);
        }
        return Math.unsignedMultiplyHigh(nextLong(), bound);
    }

    public int nextInt(int bound) {
        return (int) nextLong(bound);
    }

    /** Uniform in [0, 1) with 53 bits. */
    public double nextDouble() {
        return (nextLong() >>> 11) * 0x1p-53;
    }

    /** Normal with mean 0 and variance 1 (Box and Muller, 1958); uses two numbers a call and keeps none. */
    public double nextGaussian() {
        double radius = Math.sqrt(-2 * Math.log(1 - nextDouble()));
        return radius * Math.cos(2 * Math.PI * nextDouble());
    }

    /** Puts the items in random order (Fisher and Yates). */
    public void shuffle(int[] items) {
        for (int i = items.length - 1; i > 0; i--) {
            int j = nextInt(i + 1);
            int other = items[i];
            items[i] = items[j];
            items[j] = other;
        }
    }
}
