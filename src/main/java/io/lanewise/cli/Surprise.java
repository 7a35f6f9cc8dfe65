package io.lanewise.cli;

import io.lanewise.kernels.Argmax;
import io.lanewise.kernels.Softmax;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** -log softmax(logits)[token], with scratch memory for one row of logits. */
final class Surprise implements AutoCloseable {
    private final int vocabSize;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment probs;

    Surprise(int vocabSize) {
        this.vocabSize = vocabSize;
        this.probs = arena.allocate((long) vocabSize * Float.BYTES, 64);
    }

    /**
     * The surprise in nats. Taken as the distance to the likeliest token plus that one's surprise: the probability of a
     * very unlikely token is zero in single precision, this is not.
     *
     * @param logits F32 [vocabSize]
     */
    double at(MemorySegment logits, int token) {
        MemorySegment.copy(logits, 0, probs, 0, probs.byteSize());
        int best = Argmax.of(probs, 0, vocabSize);
        double distance = (double) float32(best) - float32(token);
        Softmax.row(probs, 0, vocabSize);
        return distance - Math.log(float32(best));
    }

    private float float32(int index) {
        return probs.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }

    @Override
    public void close() {
        arena.close();
    }
}
