package io.lanewise.model;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.AttentionMask;
import io.lanewise.kernels.KvBuffer;
import io.lanewise.kernels.PackedMatrix;
import io.lanewise.model.ModelConfig.LatentConfig;
import io.lanewise.nn.Linear;
import io.lanewise.nn.Normalization;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;

/**
 * Multi-head latent attention (DeepSeek-V2, 2024). A position's keys and values are all functions of one latent
 * [kvLoraRank], of which the cache keeps nothing else but the part of the key that turns, [qkRopeHeadDim], shared by the
 * heads. With key = K·latent and value = V·latent for each head, there are two ways to the same result:
 *
 * <p>naive: keys and values are made from the latents, then ordinary attention. A pair of query and key costs a head
 * headDim + vHeadDim multiply-adds, and every cached position (qkNopeHeadDim + vHeadDim) · kvLoraRank once.
 *
 * <p>absorbed: q·(K·latent) = (Kᵀ·q)·latent and Σ p·(V·latent) = V·Σ p·latent, so queries move to the latents' space,
 * meet them as one key head whose first kvLoraRank numbers are also its value, and come back. A pair costs
 * 2 · kvLoraRank + qkRopeHeadDim, and every query the price that a cached position has above.
 *
 * @param layer whose part of the cache it fills
 * @param queryDown [qLoraRank, dim], or null where queries come from the residual stream
 * @param queryNorm [qLoraRank], or null likewise
 * @param query [nHeads · headDim, qLoraRank or dim]
 * @param latentDown [kvLoraRank + qkRopeHeadDim, dim]
 * @param latentNorm [kvLoraRank]
 * @param keys K of each head, [qkNopeHeadDim, kvLoraRank]
 * @param keysTurned Kᵀ of each head, [kvLoraRank, qkNopeHeadDim]
 * @param values V of each head, [vHeadDim, kvLoraRank]
 * @param rope which of the session's rotations
 * @param output [dim, nHeads · vHeadDim]
 */
record LatentAttention(int layer, Linear queryDown, Normalization queryNorm, Linear query, Linear latentDown,
        Normalization latentNorm, PackedMatrix[] keys, PackedMatrix[] keysTurned, PackedMatrix[] values, int rope,
        AttentionMask mask, Linear output) implements Sublayer {

    static LatentAttention load(TensorLoader tensors, ModelConfig config, int layer, String prefix) {
        LatentConfig shape = config.latent();
        int nHeads = config.attention().nHeads();
        int dim = config.dim();
        int rank = shape.kvLoraRank();
        int nope = shape.qkNopeHeadDim();
        int vHeadDim = shape.vHeadDim();
        int q = nHeads * shape.headDim();
        boolean low = shape.qLoraRank() > 0;
        Linear queryDown = low ? tensors.linear(prefix + "attn_q_a", shape.qLoraRank(), dim, false) : null;
        Normalization queryNorm = low ? tensors.norm(prefix + "attn_q_a_norm", config, shape.qLoraRank()) : null;
        Linear query = low ? tensors.linear(prefix + "attn_q_b", q, shape.qLoraRank(), false)
                : tensors.linear(prefix + "attn_q", q, dim, false);
        PackedMatrix[] keys;
        PackedMatrix[] keysTurned;
        PackedMatrix[] values;
        if (tensors.has(prefix + "attn_kv_b.weight")) {
            // The older layout: K and V of each head one below the other.
            TensorSource both = tensors.stacked(prefix + "attn_kv_b", (long) nHeads * (nope + vHeadDim), rank);
            keys = tensors.heads(both, nHeads, 0, nope + vHeadDim, nope);
            keysTurned = tensors.transposedHeads(both, nHeads, 0, nope + vHeadDim, nope);
            values = tensors.heads(both, nHeads, nope, nope + vHeadDim, vHeadDim);
        } else {
            TensorSource turned = tensors.stacked(prefix + "attn_k_b", nHeads, rank, nope);
            keys = tensors.transposedHeads(turned, nHeads, 0, rank, rank);
            keysTurned = tensors.heads(turned, nHeads, 0, rank, rank);
            values = tensors.heads(tensors.stacked(prefix + "attn_v_b", nHeads, vHeadDim, rank), nHeads, 0, vHeadDim,
                    vHeadDim);
        }
        return new LatentAttention(layer, queryDown, queryNorm, query,
                tensors.linear(prefix + "attn_kv_a_mqa", shape.cacheDim(), dim, false),
                tensors.norm(prefix + "attn_kv_a_norm", config, rank), keys, keysTurned, values,
                config.ropes().indexOf(config.layers().get(layer).rope()),
                new AttentionMask(true, config.layers().get(layer).window(), config.attention().softCap(),
                        config.attention().scale()),
                tensors.linear(prefix + "attn_output", dim, nHeads * vHeadDim, config.attention().outputBias()));
    }

    @Override
    public void forward(DecoderState s, Tensor in, int rows, Tensor out, boolean residual) {
        LatentState l = s.latent;
        KvBuffer cache = s.cache.layer(layer);
        int startPos = s.cache.length();
        s.multiply(in, rows);
        if (queryDown == null) {
            query.addTo(s.matmul, l.q);
        } else {
            queryDown.addTo(s.matmul, l.queryLatent);
        }
        latentDown.addTo(s.matmul, l.latent);
        s.matmul.run();
        l.fillCache(this, cache, startPos, rows);
        if (queryDown != null) {
            s.multiply(l.queryLatent, rows);
            query.addTo(s.matmul, l.q);
            s.matmul.run();
        }
        if (l.naiveIsCheaper(startPos, rows)) {
            l.attendNaively(this, cache, startPos, rows, s.attnOut);
        } else {
            l.attendAbsorbed(this, cache, startPos, rows, s.attnOut);
        }
        s.multiply(s.attnOut, rows);
        output.addTo(s.matmul, Activation.NONE, residual, out);
        s.matmul.run();
    }
}
