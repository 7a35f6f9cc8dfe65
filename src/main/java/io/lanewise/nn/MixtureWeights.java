package io.lanewise.nn;

import io.lanewise.tensor.Tensor;

/**
 * The weights of one layer's mixture of experts.
 *
 * @param router [nExperts, dim]
 * @param choiceBias [nExperts] F32 added to scores for the choice alone, or null
 * @param sharedGateUp gate and up of what every token goes through besides, [sharedFfnDim, dim] gated, or null
 * @param sharedDown [dim, sharedFfnDim], or null
 * @param sharedGate [1, dim]: the logistic function of its product is what the shared answer is multiplied by; or null
 */
public record MixtureWeights(Linear router, Tensor choiceBias, Experts experts, Linear sharedGateUp, Linear sharedDown,
        Linear sharedGate) {}
