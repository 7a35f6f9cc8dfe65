package io.lanewise.train;

/** See {@link BatchSource#windows}. */
final class WindowSource implements BatchSource {
    private final TokenStream stream;

    WindowSource(TokenStream stream) {
        if (stream.size() < 2) {
            throw new IllegalArgumentException("windows: expected a text of at least 2 tokens, got " + stream.size());
        }
        this.stream = stream;
    }

    @Override
    public long rows(int seqLen) {
        return (stream.size() - 1 + seqLen - 1) / seqLen;
    }

    @Override
    public void fill(TokenBatch batch, int row, long index) {
        fillFrom(batch, row, index * batch.seqLen());
    }

    @Override
    public void draw(TokenBatch batch, int row, RandomState random) {
        fillFrom(batch, row, random.nextLong(Math.max(1, stream.size() - batch.seqLen())));
    }

    private void fillFrom(TokenBatch batch, int row, long start) {
        int seqLen = batch.seqLen();
        int length = (int) Math.min(seqLen, stream.size() - 1 - start);
        if (length < seqLen) {
            batch.clearRow(row);
        }
        int at = row * seqLen;
        int next = stream.at(start);
        for (int i = 0; i < length; i++) {
            batch.ids()[at + i] = next;
            next = stream.at(start + i + 1);
            batch.targets()[at + i] = next;
        }
    }

    @Override
    public double tokensPerByte() {
        return stream.textBytes() == 0 ? 0 : (double) stream.size() / stream.textBytes();
    }
}
