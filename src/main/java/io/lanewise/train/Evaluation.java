package io.lanewise.train;

/** The loss over held-out text: every row once, or rows evenly spread where fewer batches are asked for. */
final class Evaluation {
    private final BatchSource source;
    private final TokenBatch batch;
    private final long rows;
    private final long taken;
    private long tokens;

    /** @param batches at most so many; 0 for all */
    Evaluation(BatchSource source, int batchRows, int seqLen, int batches) {
        this.source = source;
        this.batch = new TokenBatch(batchRows, seqLen);
        this.rows = source.rows(seqLen);
        this.taken = batches == 0 ? rows : Math.min(rows, (long) batches * batchRows);
    }

    LanguageLoss run(TrainableModel model) {
        double sum = 0;
        long targets = 0;
        for (long first = 0; first < taken; first += batch.rows()) {
            for (int row = 0; row < batch.rows(); row++) {
                if (first + row < taken) {
                    source.fill(batch, row, (first + row) * rows / taken);
                } else {
                    batch.clearRow(row);
                }
            }
            sum += model.loss(batch);
            targets += batch.countTargets();
        }
        tokens = targets;
        return of(sum / targets);
    }

    /** What a mean loss over this text amounts to. */
    LanguageLoss of(double meanLoss) {
        return new LanguageLoss(meanLoss, source.tokensPerByte(), tokens);
    }
}
