package io.lanewise.kernels;

import static io.lanewise.kernels.Lanes.FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Updates of n parameters from their gradients; offsets count floats. Bound by memory, one vector a round. */
public final class OptimizerKernels {
    private OptimizerKernels() {}

    /**
     * AdamW (Loshchilov and Hutter 2019): g = gradScale·grad; m = beta1·m + (1 - beta1)·g; v = beta2·v + (1 - beta2)·g²;
     * w = keep·w - stepSize·m / (√v·rootScale + eps).
     *
     * @param share1 1 - beta1, rounded once: 1 - 0.999 in floats would be wrong in the fifth digit; so share2
     * @param keep 1 - learningRate·weightDecay
     * @param stepSize learningRate / (1 - beta1^step)
     * @param rootScale 1 / √(1 - beta2^step)
     */
    public static void adamW(MemorySegment w, MemorySegment grad, MemorySegment m, MemorySegment v, long off, int n,
            float gradScale, float beta1, float share1, float beta2, float share2, float eps, float keep, float stepSize,
            float rootScale) {
        FloatVector b1 = FloatVector.broadcast(FLOAT, beta1);
        FloatVector b2 = FloatVector.broadcast(FLOAT, beta2);
        FloatVector keeps = FloatVector.broadcast(FLOAT, keep);
        FloatVector roots = FloatVector.broadcast(FLOAT, rootScale);
        FloatVector epsilons = FloatVector.broadcast(FLOAT, eps);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            long at = off + i << 2;
            FloatVector g = fromMemorySegment(FLOAT, grad, at, LITTLE_ENDIAN).mul(gradScale);
            FloatVector newM = b1.fma(fromMemorySegment(FLOAT, m, at, LITTLE_ENDIAN), g.mul(share1));
            FloatVector newV = b2.fma(fromMemorySegment(FLOAT, v, at, LITTLE_ENDIAN), g.mul(g).mul(share2));
            FloatVector step = newM.mul(stepSize).div(newV.sqrt().fma(roots, epsilons));
            newM.intoMemorySegment(m, at, LITTLE_ENDIAN);
            newV.intoMemorySegment(v, at, LITTLE_ENDIAN);
            keeps.mul(fromMemorySegment(FLOAT, w, at, LITTLE_ENDIAN)).sub(step)
                    .intoMemorySegment(w, at, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float g = Floats.get(grad, off + i) * gradScale;
            float newM = Math.fma(beta1, Floats.get(m, off + i), g * share1);
            float newV = Math.fma(beta2, Floats.get(v, off + i), g * g * share2);
            Floats.set(m, off + i, newM);
            Floats.set(v, off + i, newV);
            float step = newM * stepSize / Math.fma((float) Math.sqrt(newV), rootScale, eps);
            Floats.set(w, off + i, keep * Floats.get(w, off + i) - step);
        }
    }

    /** SGD with momentum: m = momentum·m + gradScale·grad; w = keep·w - learningRate·m. */
    public static void sgd(MemorySegment w, MemorySegment grad, MemorySegment m, long off, int n, float gradScale,
            float momentum, float keep, float learningRate) {
        FloatVector momenta = FloatVector.broadcast(FLOAT, momentum);
        FloatVector keeps = FloatVector.broadcast(FLOAT, keep);
        int i = 0;
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            long at = off + i << 2;
            FloatVector newM = momenta.fma(fromMemorySegment(FLOAT, m, at, LITTLE_ENDIAN),
                    fromMemorySegment(FLOAT, grad, at, LITTLE_ENDIAN).mul(gradScale));
            newM.intoMemorySegment(m, at, LITTLE_ENDIAN);
            keeps.mul(fromMemorySegment(FLOAT, w, at, LITTLE_ENDIAN)).sub(newM.mul(learningRate))
                    .intoMemorySegment(w, at, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float newM = Math.fma(momentum, Floats.get(m, off + i), Floats.get(grad, off + i) * gradScale);
            Floats.set(m, off + i, newM);
            Floats.set(w, off + i, keep * Floats.get(w, off + i) - newM * learningRate);
        }
    }

    /** Σ x² over x [n], in stretches short enough that float sums keep their digits. */
    public static double sumOfSquares(MemorySegment x, long off, int n) {
        double sum = 0;
        for (int i = 0; i < n; i += 4096) {
            sum += Norm.sumOfSquares(x, off + i, Math.min(4096, n - i), 0f);
        }
        return sum;
    }

    /** Whether x [n] holds a NaN or an infinity. */
    public static boolean allFinite(MemorySegment x, long off, int n) {
        int i = 0;
        FloatVector worst = FloatVector.zero(FLOAT);
        for (; i <= n - Lanes.FLOATS; i += Lanes.FLOATS) {
            FloatVector v = fromMemorySegment(FLOAT, x, off + i << 2, LITTLE_ENDIAN);
            worst = worst.add(v.sub(v));
        }
        if (Lanes.FLOATS == 16) {
            worst = worst.add(worst.rearrange(Floats.FROM_8));
        }
        if (Lanes.FLOATS >= 8) {
            worst = worst.add(worst.rearrange(Floats.FROM_4));
        }
        worst = worst.add(worst.rearrange(Floats.FROM_2));
        float sum = worst.lane(0) + worst.lane(1);
        for (; i < n; i++) {
            float v = Floats.get(x, off + i);
            sum += v - v;
        }
        return sum == 0f;
    }
}
