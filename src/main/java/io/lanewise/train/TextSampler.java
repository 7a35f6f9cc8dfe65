package io.lanewise.train;

import io.lanewise.tokenizer.Tokenizer;
import java.util.Arrays;

/** Draws text from a model that is being trained: each token by a forward pass over the last positions, no cache. */
final class TextSampler {
    private final TrainableModel model;
    private final Tokenizer tokenizer;

    TextSampler(TrainableModel model, Tokenizer tokenizer) {
        this.model = model;
        this.tokenizer = tokenizer;
    }

    String sample(String prompt, int tokens, double temperature, RandomState random) {
        int context = model.config().context();
        int[] ids = tokenizer.encode(prompt, true, true);
        if (ids.length == 0) {
            ids = new int[] {Math.max(0, tokenizer.eos())};
        }
        int given = ids.length;
        float[] logits = new float[model.config().vocabSize()];
        for (int i = 0; i < tokens; i++) {
            model.logits(ids.length <= context ? ids : Arrays.copyOfRange(ids, ids.length - context, ids.length),
                    logits);
            int next = draw(logits, temperature, random);
            if (tokenizer.isEndOfGeneration(next)) {
                break;
            }
            ids = Arrays.copyOf(ids, ids.length + 1);
            ids[ids.length - 1] = next;
        }
        return tokenizer.decode(Arrays.copyOfRange(ids, given, ids.length));
    }

    /** Softmax with temperature; 0 takes the greatest. */
    private static int draw(float[] logits, double temperature, RandomState random) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        if (temperature == 0) {
            return best;
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp((logit - logits[best]) / temperature);
        }
        double left = random.nextDouble() * sum;
        for (int i = 0; i < logits.length; i++) {
            left -= Math.exp((logits[i] - logits[best]) / temperature);
            if (left < 0) {
                return i;
            }
        }
        return best;
    }
}
