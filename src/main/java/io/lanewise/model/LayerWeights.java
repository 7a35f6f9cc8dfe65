package io.lanewise.model;

import io.lanewise.nn.Normalization;

/** One layer: attention, then feed-forward, each in its {@link Residual}. */
record LayerWeights(Residual attention, Residual feedForward) {

    /**
     * x += residualScale · postNorm(sublayer(preNorm(x))).
     *
     * @param preNorm [dim], or null
     * @param postNorm [dim], or null
     */
    record Residual(Normalization preNorm, Sublayer sublayer, Normalization postNorm) {}
}
