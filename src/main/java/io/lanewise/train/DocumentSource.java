package io.lanewise.train;

import java.util.List;

/** See {@link BatchSource#documents}. */
final class DocumentSource implements BatchSource {
    private final TokenDocument[] documents;

    DocumentSource(List<TokenDocument> documents) {
        if (documents.isEmpty()) {
            throw new IllegalArgumentException("documents: expected at least one");
        }
        this.documents = documents.toArray(TokenDocument[]::new);
    }

    @Override
    public long rows(int seqLen) {
        return documents.length;
    }

    @Override
    public void fill(TokenBatch batch, int row, long index) {
        TokenDocument document = documents[Math.toIntExact(index)];
        batch.clearRow(row);
        int at = row * batch.seqLen();
        int[] ids = document.ids();
        int length = Math.min(batch.seqLen(), ids.length - 1);
        System.arraycopy(ids, 0, batch.ids(), at, length);
        for (int i = document.lossFrom() - 1; i < length; i++) {
            batch.targets()[at + i] = ids[i + 1];
        }
    }

    @Override
    public void draw(TokenBatch batch, int row, RandomState random) {
        fill(batch, row, random.nextInt(documents.length));
    }

    /** Documents do not say what text they were, so that there are no bytes to count. */
    @Override
    public double tokensPerByte() {
        return Double.NaN;
    }
}
