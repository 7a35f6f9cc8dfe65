package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** Metrics against numbers worked out by hand. */
class MetricsTest {
    private static final Offset<Double> EXACT = within(1e-12);

    @Test
    void confusionMatrixGivesTheScoresOfAHandWorkedExample() {
        ConfusionMatrix matrix = new ConfusionMatrix(3);
        int[][] counts = {{3, 1, 0}, {1, 2, 1}, {0, 0, 2}};
        for (int actual = 0; actual < 3; actual++) {
            for (int predicted = 0; predicted < 3; predicted++) {
                for (int i = 0; i < counts[actual][predicted]; i++) {
                    matrix.add(actual, predicted);
                }
            }
        }
        assertThat(matrix.accuracy()).isEqualTo(7 / 10.0, EXACT);
        assertThat(matrix.precision(0)).isEqualTo(3 / 4.0, EXACT);
        assertThat(matrix.precision(1)).isEqualTo(2 / 3.0, EXACT);
        assertThat(matrix.recall(1)).isEqualTo(1 / 2.0, EXACT);
        assertThat(matrix.f1(1)).isEqualTo(4 / 7.0, EXACT);
        assertThat(matrix.f1(2)).isEqualTo(4 / 5.0, EXACT);
        assertThat(matrix.macroPrecision()).isEqualTo((3 / 4.0 + 2 / 3.0 + 2 / 3.0) / 3, EXACT);
        assertThat(matrix.macroRecall()).isEqualTo((3 / 4.0 + 1 / 2.0 + 1) / 3, EXACT);
        assertThat(matrix.macroF1()).isEqualTo((3 / 4.0 + 4 / 7.0 + 4 / 5.0) / 3, EXACT);
        assertThat(matrix.weightedPrecision()).isEqualTo((4 * 3 / 4.0 + 4 * 2 / 3.0 + 2 * 2 / 3.0) / 10, EXACT);
        assertThat(matrix.weightedRecall()).isEqualTo(matrix.accuracy(), EXACT);
        assertThat(matrix.weightedF1()).isEqualTo((4 * 3 / 4.0 + 4 * 4 / 7.0 + 2 * 4 / 5.0) / 10, EXACT);
        assertThat(matrix).hasToString("""
                actual \\ predicted
                     0  1  2
                  0  3  1  0
                  1  1  2  1
                  2  0  0  2""");
    }

    @Test
    void aClassThatNeverOccursScoresZero() {
        ConfusionMatrix matrix = new ConfusionMatrix(2);
        matrix.add(0, 0);
        assertThat(matrix.precision(1)).isZero();
        assertThat(matrix.recall(1)).isZero();
        assertThat(matrix.f1(1)).isZero();
        assertThat(matrix.macroF1()).isEqualTo(0.5, EXACT);
        assertThat(matrix.weightedF1()).isEqualTo(1, EXACT);
    }

    @Test
    void languageLossGivesPerplexityAndBitsAByte() {
        LanguageLoss loss = new LanguageLoss(Math.log(8), 0.25, 100);
        assertThat(loss.perplexity()).isEqualTo(8, within(1e-9));
        assertThat(loss.bitsPerByte()).isEqualTo(0.75, EXACT);
    }

    @Test
    void rankingCountsHitsAndDiscountsThemByRank() {
        RankingMetrics metrics = new RankingMetrics(3);
        metrics.add(new float[] {0.9f, 0.1f, 0.5f, 0.7f}, 0);
        metrics.add(new float[] {0.9f, 0.1f, 0.5f, 0.7f}, 2);
        metrics.add(new float[] {0.9f, 0.1f, 0.5f, 0.7f}, 1);
        assertThat(metrics.hitRate()).isEqualTo(2 / 3.0, EXACT);
        assertThat(metrics.ndcg()).isEqualTo((1 + 0.5 + 0) / 3, EXACT);
    }

    @Test
    void equalScoresAndNaNGainNothing() {
        RankingMetrics metrics = new RankingMetrics(2);
        metrics.add(new float[] {1, 1, 1}, 0);
        metrics.add(new float[] {Float.NaN, Float.NaN, 1}, 2);
        assertThat(metrics.hitRate()).isZero();
    }

    @Test
    void gradedNdcgGivesTheHandWorkedExample() {
        double dcg = 3 + 2 / log2(3) + 3 / log2(4);
        double ideal = 3 + 3 / log2(3) + 2 / log2(4);
        assertThat(RankingMetrics.ndcg(new double[] {3, 2, 3, 0, 1, 2}, 3)).isEqualTo(dcg / ideal, EXACT);
        assertThat(RankingMetrics.ndcg(new double[] {0, 0}, 2)).isZero();
    }

    private static double log2(double x) {
        return Math.log(x) / Math.log(2);
    }

    @Test
    void bleuGivesPapinenisClippedPrecisionAndBrevityPenalty() {
        Bleu bleu = new Bleu(Bleu.Smoothing.NONE);
        bleu.add("the cat sat on the mat", "the cat is on the mat");
        assertThat(bleu.score()).as("no 4-gram in common").isZero();
        bleu = new Bleu(Bleu.Smoothing.NONE);
        bleu.add("a b c d e", "a b c d e f g");
        assertThat(bleu.brevityPenalty()).isEqualTo(Math.exp(1 - 7 / 5.0), EXACT);
        assertThat(bleu.score()).isEqualTo(100 * Math.exp(1 - 7 / 5.0), within(1e-10));
        bleu = new Bleu(Bleu.Smoothing.NONE);
        bleu.add("a b c d x", "a b c d e", "x y");
        double geometricMean = Math.pow(5 / 5.0 * 3 / 4.0 * 2 / 3.0 * 1 / 2.0, 0.25);
        assertThat(bleu.score()).isEqualTo(100 * geometricMean, within(1e-10));
    }

    @Test
    void bleuClipsRepeatedWords() {
        Bleu bleu = new Bleu(Bleu.Smoothing.HALVING);
        bleu.add("the the the the the the the", "the cat is on the mat", "there is a cat on the mat");
        double expected = Math.pow(2 / 7.0 * 0.5 / 6 * 0.25 / 5 * 0.125 / 4, 0.25);
        assertThat(bleu.score()).as("the paper's example: unigram precision 2/7").isEqualTo(100 * expected,
                within(1e-10));
    }

    @Test
    void bleuAddsOneToHigherOrders() {
        Bleu bleu = new Bleu(Bleu.Smoothing.ADD_ONE);
        bleu.add("a b c d", "a b d c");
        double expected = Math.pow(4 / 4.0 * (1 + 1) / (3 + 1.0) * 1 / (2 + 1.0) * 1 / (1 + 1.0), 0.25);
        assertThat(bleu.score()).isEqualTo(100 * expected, within(1e-10));
    }

    @Test
    void bleuCountsOverTheCorpus() {
        Bleu bleu = new Bleu(Bleu.Smoothing.NONE);
        bleu.add("a b c d", "a b c d");
        bleu.add("x", "y z");
        double brevity = Math.exp(1 - 6 / 5.0);
        assertThat(bleu.score()).isEqualTo(100 * brevity * Math.pow(4 / 5.0, 0.25), within(1e-10));
    }

    @Test
    void bleuPartsPunctuationFromWordsButNotInsideNumbers() {
        assertThat(Bleu.tokens("Él dijo: «3.14, sí»!")).containsExactly("Él", "dijo", ":", "«", "3.14", ",", "sí",
                "»", "!");
        assertThat(Bleu.tokens(" $5 ")).containsExactly("$", "5");
        assertThat(Bleu.tokens("")).isEmpty();
    }

    @Test
    void chrfGivesTheHandWorkedExample() {
        Chrf chrf = new Chrf();
        chrf.add("ab c", "abd");
        // Without white space "abc" against "abd": 1-grams 2 of 3, 2-grams 1 of 2, 3-grams 0 of 1.
        double precision = (2 / 3.0 + 1 / 2.0 + 0) / 3;
        assertThat(chrf.score()).as("precision and recall are equal").isEqualTo(100 * precision, within(1e-10));
        chrf = new Chrf();
        chrf.add("ab", "abab");
        // 1-grams: 2 of 2, 2 of 4; 2-grams: 1 of 1, 1 of 3; the candidate has no longer ones.
        double recall = (2 / 4.0 + 1 / 3.0) / 2;
        assertThat(chrf.score()).isEqualTo(100 * 5 * recall / (4 + recall), within(1e-10));
    }

    @Test
    void chrfIsFullForEqualAndZeroForDisjointTexts() {
        Chrf chrf = new Chrf();
        chrf.add("En el principio", "En el principio");
        assertThat(chrf.score()).isEqualTo(100, within(1e-10));
        chrf = new Chrf();
        chrf.add("abc", "xyz");
        assertThat(chrf.score()).isZero();
    }
}
