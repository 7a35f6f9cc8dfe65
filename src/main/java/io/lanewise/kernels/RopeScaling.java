package io.lanewise.kernels;

/**
 * How a model stretches its rotary angles beyond the context that it was trained on. The angle of pair i at position p
 * is p · base^(-2i/ropeDim), and then:
 *
 * @param freqScale multiplies every angle (interpolation): 1 / factor of linear scaling, YaRN's too
 * @param freqFactors divides the frequency of each pair [ropeDim/2] ({@code rope_freqs.weight} of llama3, the long and
 *     short factors of longrope), or null for none
 * @param extFactor share of YaRN's mix of interpolated and extrapolated angles; 0 for no YaRN
 * @param attnFactor multiplies cosines and sines
 * @param betaFast YaRN: pairs that turn more often than this over the original context are extrapolated
 * @param betaSlow YaRN: pairs that turn less often are interpolated
 * @param originalContext YaRN: positions of the original training context
 */
public record RopeScaling(double freqScale, float[] freqFactors, double extFactor, double attnFactor, double betaFast,
        double betaSlow, int originalContext) {

    private static final RopeScaling NONE = new RopeScaling(1, null, 0, 1, 32, 1, 0);

    public RopeScaling {
        if (!(freqScale > 0) || (extFactor != 0 && originalContext <= 0)) {
            throw new IllegalArgumentException("RoPE scaling: expected a scale above 0 and an original context"
                    + " for YaRN, got scale " + freqScale + " and original context " + originalContext);
        }
        freqFactors = freqFactors == null ? null : freqFactors.clone();
    }

    /** No scaling. */
    public static RopeScaling none() {
        return NONE;
    }

    /** Position interpolation (Chen et al. 2023): all angles divided by {@code factor}. */
    public static RopeScaling linear(double factor) {
        return new RopeScaling(1 / factor, null, 0, 1, 32, 1, 0);
    }

    /** The frequency of pair i divided by {@code factors[i]}. */
    public static RopeScaling factors(float[] factors) {
        return new RopeScaling(1, factors, 0, 1, 32, 1, 0);
    }

    /**
     * YaRN (Peng et al. 2023) for a context {@code factor} times the original one. The magnitude 1 + 0.1·ln(factor)
     * of the paper is applied by the table; {@code attnFactor} comes on top.
     */
    public static RopeScaling yarn(double factor, double extFactor, double attnFactor, double betaFast,
            double betaSlow, int originalContext) {
        return new RopeScaling(1 / factor, null, extFactor, attnFactor, betaFast, betaSlow, originalContext);
    }

    /** The same with another factor on cosines and sines. */
    public RopeScaling withAttnFactor(double factor) {
        return new RopeScaling(freqScale, freqFactors, extFactor, factor, betaFast, betaSlow, originalContext);
    }
}
