package io.lanewise.train;

import java.util.List;

/** Where batches come from: random rows for training, every row once for evaluation. */
public interface BatchSource {
    /** Rows of one pass over everything, for rows of this length. */
    long rows(int seqLen);

    /** Fills a row of a batch with row {@code index} of a pass. */
    void fill(TokenBatch batch, int row, long index);

    /** Fills a row of a batch with a random one. */
    void draw(TokenBatch batch, int row, RandomState random);

    /** Tokens of the whole source divided by the bytes of its text. */
    double tokensPerByte();

    /** Fills all rows of a batch at random. */
    default void draw(TokenBatch batch, RandomState random) {
        for (int row = 0; row < batch.rows(); row++) {
            draw(batch, row, random);
        }
    }

    /**
     * Windows of a stream, each position foreseeing the next id. Random windows begin anywhere; a pass takes them one
     * behind the other, the last one as long as it comes.
     */
    static BatchSource windows(TokenStream stream) {
        return new WindowSource(stream);
    }

    /** Documents, each in a row of its own from its first token on; what does not fit into the row is left out. */
    static BatchSource documents(List<TokenDocument> documents) {
        return new DocumentSource(documents);
    }
}
