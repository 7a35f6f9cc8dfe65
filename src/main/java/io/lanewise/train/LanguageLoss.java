package io.lanewise.train;

import java.util.Locale;

/**
 * How well a model foresees a text: the mean cross-entropy in nats a token, and what follows from it. Perplexity is
 * exp(mean loss) (Jelinek, Mercer, Bahl and Baker, 1977). Bits a byte = mean loss / ln 2 · tokens / bytes, which does not
 * depend on the vocabulary, so that models with different ones can be compared.
 *
 * @param meanLoss nats a token
 * @param tokensPerByte tokens of the text that was foreseen, divided by its bytes in UTF-8
 * @param tokens tokens that the mean was taken over
 */
public record LanguageLoss(double meanLoss, double tokensPerByte, long tokens) {
    public double perplexity() {
        return Math.exp(meanLoss);
    }

    public double bitsPerByte() {
        return meanLoss / Math.log(2) * tokensPerByte;
    }

    /** As {@code loss 1.8712, perplexity 6.50, 2.6996 bits a byte}. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "loss %.4f, perplexity %.2f, %.4f bits a byte", meanLoss, perplexity(),
                bitsPerByte());
    }
}
