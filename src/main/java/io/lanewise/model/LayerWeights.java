package io.lanewise.model;

import io.lanewise.nn.Linear;
import io.lanewise.nn.Normalization;

/**
 * The weights of one block. Widths: q is nHeads · headDim, k nKvHeads · headDim, v nKvHeads · vHeadDim.
 *
 * @param attnNorm before attention, [dim]
 * @param query [q, dim]
 * @param key [k, dim]
 * @param value [v, dim]
 * @param attnOutput [dim, nHeads · vHeadDim]
 * @param ffnNorm before the feed-forward, [dim]
 * @param gateUp gate and up in one gated matrix, each [ffnDim, dim]
 * @param down [dim, ffnDim]
 */
record LayerWeights(
        Normalization attnNorm,
        Linear query,
        Linear key,
        Linear value,
        Linear attnOutput,
        Normalization ffnNorm,
        Linear gateUp,
        Linear down) {}
