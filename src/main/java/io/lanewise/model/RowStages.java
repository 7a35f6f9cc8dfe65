package io.lanewise.model;

import io.lanewise.kernels.Embedding;
import io.lanewise.kernels.KvBuffer;
import io.lanewise.kernels.RopeTable;
import io.lanewise.model.ModelConfig.AttentionConfig;
import io.lanewise.nn.Normalization;
import io.lanewise.parallel.StageBody;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.Tensor;

/** The steps of a forward pass that treat each position by itself, spread over the team when there are many. */
final class RowStages {
    /** Positions a chunk: enough work to be worth a hand-over, few enough to share a short batch. */
    private static final int GRAIN = 4;

    private final Decoder decoder;
    private final DecoderState s;
    private final Team team;
    private final StageBody embed = this::embedRows;
    private final StageBody norm = this::normRows;
    private final StageBody ropeAndCache = this::ropeAndCacheRows;

    private Tensor table;
    private int[] tokens;
    private int firstToken;
    private Normalization normalization;
    private int firstRow;
    private KvBuffer kv;
    private int startPos;

    RowStages(Decoder decoder, DecoderState state) {
        this.decoder = decoder;
        this.s = state;
        this.team = state.team;
    }

    /** x = embedding of the tokens; also computes the angles of their positions, which all layers share. */
    void embed(Tensor table, int[] tokens, int from, int startPos, int rows) {
        this.startPos = startPos;
        this.table = table;
        this.tokens = tokens;
        this.firstToken = from;
        team.run(rows, GRAIN, embed);
    }

    private void embedRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            Embedding.gather(table, tokens[firstToken + row], s.x.segment(), row * s.x.stride(0));
            decoder.rope.fillRow(startPos + row, s.angles.segment(), row * s.angles.stride(0));
        }
    }

    /** normed = norm(x). */
    void norm(Normalization normalization, int rows) {
        this.normalization = normalization;
        this.firstRow = 0;
        team.run(rows, GRAIN, norm);
    }

    /** The first rows of normed = norm(rows of x from {@code firstRow} on). */
    void outputNorm(Normalization normalization, int firstRow, int rows) {
        this.normalization = normalization;
        this.firstRow = firstRow;
        team.run(rows, GRAIN, norm);
    }

    private void normRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            normalization.forward(s.x.segment(), (firstRow + row) * s.x.stride(0),
                    s.normed.segment(), row * s.normed.stride(0));
        }
    }

    /** Turns q and k by their positions' angles, and stores k and v in the cache. */
    void ropeAndCache(KvBuffer kv, int rows) {
        this.kv = kv;
        team.run(rows, GRAIN, ropeAndCache);
    }

    private void ropeAndCacheRows(int from, int to, int worker) {
        AttentionConfig attention = decoder.config().attention();
        RopeTable rope = decoder.rope;
        for (int row = from; row < to; row++) {
            long angles = row * s.angles.stride(0);
            rope.apply(s.q.segment(), row * s.q.stride(0), attention.nHeads(), attention.headDim(),
                    s.angles.segment(), angles);
            rope.apply(s.k.segment(), row * s.k.stride(0), attention.nKvHeads(), attention.headDim(),
                    s.angles.segment(), angles);
            kv.append(startPos + row, s.k.segment(), row * s.k.stride(0), s.v.segment(), row * s.v.stride(0));
        }
    }

}
