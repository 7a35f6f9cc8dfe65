package io.lanewise.cli;

import io.lanewise.generate.Session;
import java.util.Arrays;
import java.util.function.DoubleConsumer;

/**
 * The surprise of a model at a text.
 *
 * @param nats negative log likelihood of all tokens that were foreseen
 * @param tokens how many they are: all but the first
 */
record Perplexity(double nats, int tokens) {
    double perTokenPerplexity() {
        return Math.exp(nats / tokens);
    }

    /**
     * Slides a window over the tokens. The first window foresees all its tokens but the first, every later one its last
     * {@code stride} (fewer at the end), with the rest of the window before them.
     *
     * @param progress receives the share done; what it throws ends the measuring
     */
    static Perplexity measure(Session session, int[] tokens, int window, int stride, DoubleConsumer progress) {
        try (Surprise surprise = new Surprise(session.model().config().vocabSize())) {
            double nats = 0;
            int done = 1;
            for (int end = Math.min(window, tokens.length); ; end = Math.min(end + stride, tokens.length)) {
                int start = Math.max(0, end - window);
                nats += ofWindow(session, Arrays.copyOfRange(tokens, start, end), done - start, surprise);
                done = end;
                progress.accept((double) end / tokens.length);
                if (end == tokens.length) {
                    return new Perplexity(nats, tokens.length - 1);
                }
            }
        }
    }

    /** The surprise at tokens {@code from} and later of a window. */
    private static double ofWindow(Session session, int[] window, int from, Surprise surprise) {
        session.truncate(0);
        session.prefill(Arrays.copyOf(window, from));
        double[] nats = {surprise.at(session.logits().segment(), window[from])};
        int[] rest = Arrays.copyOfRange(window, from, window.length - 1);
        session.logitsOf(rest, (position, logits) -> nats[0] += surprise.at(logits.segment(), window[position + 1]));
        return nats[0];
    }
}
