package io.lanewise.generate;

import io.lanewise.kernels.Argmax;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/**
 * Draws the next token from logits: repeat penalty, top-k, top-p, min-p, temperature, in this order (llama.cpp's). Holds
 * its own scratch and random state; allocates nothing a token. One thread at a time.
 */
public final class Sampler {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private final GenerationOptions options;
    private final int vocabSize;
    private final SplittableRandom random;
    /** Candidates, likeliest first once sorted: token ids, their logits and probabilities. */
    private final int[] ids;
    private final float[] values;
    private final int[] recent;
    private int recentCount;

    /** A sampler for logits of {@code vocabSize} tokens. */
    public Sampler(GenerationOptions options, int vocabSize) {
        this.options = options;
        this.vocabSize = vocabSize;
        this.random = new SplittableRandom(options.seed());
        int candidates = options.temperature() == 0 ? 0
                : options.topK() == 0 ? vocabSize : Math.min(options.topK(), vocabSize);
        this.ids = new int[candidates];
        this.values = new float[candidates];
        this.recent = new int[options.repeatPenalty() == 1 ? 0 : options.repeatWindow()];
    }

    /** Tells the sampler of a token of the text so far, prompt included, for the repeat penalty. */
    public void accept(int token) {
        if (recent.length > 0) {
            recent[recentCount++ % recent.length] = token;
        }
    }

    /**
     * The next token. The repeat penalty is applied to {@code logits} in place.
     *
     * @param logits [vocabSize] F32 from {@code offset} floats on
     */
    public int sample(MemorySegment logits, long offset) {
        penalise(logits, offset);
        if (options.temperature() == 0) {
            return Argmax.of(logits, offset, vocabSize);
        }
        int count = options.topK() == 0 || options.topK() >= vocabSize
                ? sortAll(logits, offset)
                : selectTopK(logits, offset);
        return draw(count);
    }

    /** CTRL's penalty (Keskar et al., 2019): a token's logit shrinks once, however often the token came. */
    private void penalise(MemorySegment logits, long offset) {
        int count = Math.min(recentCount, recent.length);
        for (int i = 0; i < count; i++) {
            if (seenBefore(i)) {
                continue;
            }
            float logit = logits.getAtIndex(FLOAT, offset + recent[i]);
            float penalised = logit > 0 ? logit / options.repeatPenalty() : logit * options.repeatPenalty();
            logits.setAtIndex(FLOAT, offset + recent[i], penalised);
        }
    }

    private boolean seenBefore(int index) {
        for (int i = 0; i < index; i++) {
            if (recent[i] == recent[index]) {
                return true;
            }
        }
        return false;
    }

    /** Keeps the k largest in a heap whose root is the smallest kept, then sorts them. NaN is never kept. */
    private int selectTopK(MemorySegment logits, long offset) {
        int count = 0;
        for (int id = 0; id < vocabSize; id++) {
            float logit = logits.getAtIndex(FLOAT, offset + id);
            if (count < ids.length) {
                if (logit == logit) {
                    ids[count] = id;
                    values[count++] = logit;
                    siftUp(count - 1);
                }
            } else if (logit > values[0]) {
                ids[0] = id;
                values[0] = logit;
                siftDown(count);
            }
        }
        sortHeap(count);
        return count;
    }

    private int sortAll(MemorySegment logits, long offset) {
        int count = 0;
        for (int id = 0; id < vocabSize; id++) {
            float logit = logits.getAtIndex(FLOAT, offset + id);
            if (logit == logit) {
                ids[count] = id;
                values[count++] = logit;
                siftUp(count - 1);
            }
        }
        sortHeap(count);
        return count;
    }

    /** Heap sort: the smallest goes to the end each time, so that the largest ends up first. */
    private void sortHeap(int count) {
        for (int end = count - 1; end > 0; end--) {
            swap(0, end);
            siftDown(end);
        }
    }

    private void siftUp(int index) {
        int child = index;
        while (child > 0 && before(child, (child - 1) / 2)) {
            swap(child, (child - 1) / 2);
            child = (child - 1) / 2;
        }
    }

    private void siftDown(int count) {
        int parent = 0;
        while (true) {
            int child = 2 * parent + 1;
            if (child >= count) {
                return;
            }
            if (child + 1 < count && before(child + 1, child)) {
                child++;
            }
            if (!before(child, parent)) {
                return;
            }
            swap(child, parent);
            parent = child;
        }
    }

    /** Heap order: smaller logits first; of equal ones the larger id, so that the smaller id is the likelier. */
    private boolean before(int a, int b) {
        return values[a] < values[b] || (values[a] == values[b] && ids[a] > ids[b]);
    }

    private void swap(int a, int b) {
        int id = ids[a];
        ids[a] = ids[b];
        ids[b] = id;
        float value = values[a];
        values[a] = values[b];
        values[b] = value;
    }

    /** Cuts the sorted candidates by top-p and min-p at temperature 1, then draws one at the asked temperature. */
    private int draw(int count) {
        if (count == 0) {
            throw new IllegalStateException("sample: every logit is NaN; the model's weights are damaged");
        }
        int kept = cutTopP(count);
        float cutoff = options.minP() == 0 ? Float.NEGATIVE_INFINITY
                : values[0] + (float) Math.log(options.minP());
        while (kept > 1 && values[kept - 1] < cutoff) {
            kept--;
        }
        double sum = 0;
        for (int i = 0; i < kept; i++) {
            sum += weight(i, options.temperature());
        }
        double target = random.nextDouble() * sum;
        for (int i = 0; i < kept - 1; i++) {
            target -= weight(i, options.temperature());
            if (target < 0) {
                return ids[i];
            }
        }
        return ids[kept - 1];
    }

    private int cutTopP(int count) {
        if (options.topP() == 1) {
            return count;
        }
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += weight(i, 1);
        }
        double target = options.topP() * sum;
        for (int i = 0; i < count; i++) {
            target -= weight(i, 1);
            if (target <= 0) {
                return i + 1;
            }
        }
        return count;
    }

    /** exp((logit - max) / temperature); the maximum stands first. An infinite maximum takes all. */
    private double weight(int i, float temperature) {
        return values[i] == values[0] ? 1 : Math.exp((values[i] - values[0]) / (double) temperature);
    }
}
