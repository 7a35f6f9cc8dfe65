package io.lanewise.train;

import io.lanewise.format.FormatException;
import io.lanewise.format.Metadata;
import io.lanewise.format.SafetensorsWriter;

/** Where a run stands, beside its weights and what the optimiser remembers. Mutable. */
final class TrainingState {
    /** Updates done. */
    long step;
    /** The generator that draws batches. */
    final RandomState random;
    /** The lowest loss of an evaluation. */
    double bestLoss = Double.POSITIVE_INFINITY;
    /** Evaluations since that one. */
    int evaluationsSinceBest;

    TrainingState(long seed) {
        random = new RandomState(seed);
    }

    void write(SafetensorsWriter out) {
        out.metadata("step", Long.toString(step));
        out.metadata("random", Long.toString(random.state()));
        out.metadata("best_loss", Double.toString(bestLoss));
        out.metadata("evaluations_since_best", Integer.toString(evaluationsSinceBest));
    }

    /** @throws FormatException if a value is missing */
    void read(Metadata metadata) {
        step = Long.parseLong(metadata.string("step"));
        random.restore(Long.parseLong(metadata.string("random")));
        bestLoss = Double.parseDouble(metadata.string("best_loss"));
        evaluationsSinceBest = Integer.parseInt(metadata.string("evaluations_since_best"));
    }
}
