package io.lanewise.train;

/**
 * The learning rate of each step: linear warm-up, then constant or a half cosine down to a floor (Loshchilov and Hutter,
 * SGDR, ICLR 2017, without restarts). Step k, from 0, of a warm-up of w steps has rate · (k + 1) / w; step k ≥ w of n has
 * floor + (rate - floor) · (1 + cos(π · (k - w) / (n - w))) / 2.
 *
 * @param kind what follows the warm-up
 * @param rate the highest learning rate
 * @param floor where the cosine ends, at step {@code steps}; later steps keep it
 * @param warmup steps of warm-up
 * @param steps the step at which the cosine ends
 */
public record Schedule(Kind kind, double rate, double floor, int warmup, int steps) {
    /** The shapes. */
    public enum Kind { CONSTANT, COSINE }

    public Schedule {
        if (!(rate > 0) || !(floor >= 0) || floor > rate || Double.isInfinite(rate)) {
            throw new IllegalArgumentException(
                    "schedule: expected 0 <= floor <= rate and rate above 0, got rate " + rate + ", floor " + floor);
        }
        if (warmup < 0 || steps < 0) {
            throw new IllegalArgumentException(
                    "schedule: expected no negative steps, got warm-up " + warmup + " and " + steps + " steps");
        }
    }

    public static Schedule constant(double rate) {
        return new Schedule(Kind.CONSTANT, rate, 0, 0, 0);
    }

    /** The learning rate of a step, counted from 0. */
    public double at(long step) {
        if (step < warmup) {
            return rate * (step + 1) / warmup;
        }
        if (kind == Kind.CONSTANT) {
            return rate;
        }
        if (step >= steps) {
            return floor;
        }
        double progress = (double) (step - warmup) / (steps - warmup);
        return floor + (rate - floor) * (1 + Math.cos(Math.PI * progress)) / 2;
    }
}
